//! An API server that is not there, is slow or refuses, and the end of the daemon meanwhile.

use super::*;

#[tokio::test]
async fn without_rights_a_namespace_is_asked_once_in_a_while() {
    let api = FakeApi::start();
    let (code, body) = status(403, "Forbidden", "cannot create resource \"events\"");
    api.mood(Mood::Answers(code, body));
    let events = start(&api);
    for _ in 0..5 {
        events.offer(&report());
    }
    until_counted(&events, EventOutcome::Forbidden, 5).await;
    assert_eq!(api.verbs(), [(Method::POST, 403)]);
    // Another namespace may grant them.
    api.mood(Mood::Well);
    events.offer(&of_pod("bank", 1));
    events.offer(&report());
    let stats = events.stop(DEADLINE).await;
    assert_eq!(counted(stats), [("published", 1), ("forbidden", 6)]);
}

#[tokio::test]
async fn a_namespace_that_is_gone_or_ends_costs_its_own_events() {
    let api = FakeApi::start();
    api.namespaces(&["shop"]);
    let events = start(&api);
    events.offer(&of_pod("gone", 1));
    events.offer(&report());
    until_counted(&events, EventOutcome::Published, 1).await;
    let (code, mut body) = status(403, "Forbidden", "it is being terminated");
    body["details"] = json!({"causes": [{"reason": "NamespaceTerminating", "message": "x"}]});
    api.mood(Mood::Answers(code, body));
    events.offer(&of_pod("shop", 2));
    until_counted(&events, EventOutcome::Failed, 2).await;
    api.mood(Mood::Well);
    events.offer(&of_pod("shop", 3));
    let stats = events.stop(DEADLINE).await;
    assert_eq!(counted(stats), [("published", 2), ("failed", 2)]);
}

#[tokio::test]
async fn what_the_server_will_not_have_is_not_tried_again() {
    let api = FakeApi::start();
    let events = start(&api);
    for (code, body) in [
        status(422, "Invalid", "note is too long"),
        status(400, "BadRequest", "no"),
    ] {
        api.mood(Mood::Answers(code, body));
        events.offer(&report());
        let asked = api.seen().len() + 1;
        until("an answer", || {
            let failed = events.stats().get(EventOutcome::Failed);
            api.seen().len() == asked && failed == u64::try_from(asked).unwrap()
        })
        .await;
    }
    // Neither is an answer that is none.
    api.mood(Mood::Answers(201, Value::String("created".into())));
    events.offer(&report());
    assert_eq!(counted(events.stop(DEADLINE).await), [("failed", 3)]);
    assert_eq!(api.seen().len(), 3);
}

#[tokio::test]
async fn a_server_in_trouble_is_asked_again_until_it_is_well() {
    let api = FakeApi::start();
    let events = start(&api);
    for (code, reason) in [
        (500, "InternalError"),
        (503, "ServiceUnavailable"),
        (429, "TooManyRequests"),
        (401, "Unauthorized"),
    ] {
        let published = events.stats().get(EventOutcome::Published);
        let (code, body) = status(code, reason, "not now");
        api.mood(Mood::Answers(code, body));
        events.offer(&of_pod("shop", usize::from(code)));
        let asked = api.seen().len();
        until("a second try", || api.seen().len() >= asked + 2).await;
        assert_eq!(events.stats().get(EventOutcome::Published), published);
        api.mood(Mood::Well);
        until_counted(&events, EventOutcome::Published, published + 1).await;
    }
    assert_eq!(counted(events.stop(DEADLINE).await), [("published", 4)]);
}

#[tokio::test]
async fn a_server_that_hangs_costs_no_event_when_it_wakes_up() {
    let api = FakeApi::start();
    api.mood(Mood::Hangs);
    let mut options = options(&api);
    options.timeout = Duration::from_millis(300);
    let events = Events::start(options).unwrap();
    events.offer(&report());
    until("a second try", || api.seen().len() >= 2).await;
    api.mood(Mood::Well);
    until_counted(&events, EventOutcome::Published, 1).await;
    assert_eq!(counted(events.stop(DEADLINE).await), [("published", 1)]);
}

#[tokio::test]
async fn a_server_that_dies_and_comes_back_gets_what_has_waited() {
    let mut api = FakeApi::start();
    let events = start(&api);
    events.offer(&of_pod("shop", 0));
    until_counted(&events, EventOutcome::Published, 1).await;
    api.die();
    for pod in 1..=5 {
        events.offer(&of_pod("shop", pod));
    }
    api.come_back();
    until_counted(&events, EventOutcome::Published, 6).await;
    assert_eq!(counted(events.stop(DEADLINE).await), [("published", 6)]);
}

#[tokio::test]
async fn events_too_old_are_given_up_and_cost_no_new_one() {
    let mut api = FakeApi::start();
    api.die();
    let mut options = options(&api);
    options.give_up_after = Duration::from_secs(2);
    let events = Events::start(options).unwrap();
    let offered = QUEUE + 100;
    for _ in 0..offered {
        events.offer(&report());
    }
    let dropped = events.stats().get(EventOutcome::Dropped);
    assert!((1..=100).contains(&dropped), "{dropped}");
    until("all are counted", || {
        events.stats().iter().map(|(_, count)| count).sum::<u64>()
            == u64::try_from(offered).unwrap()
    })
    .await;
    api.come_back();
    events.offer(&report());
    until_counted(&events, EventOutcome::Published, 1).await;
    let stats = events.stop(DEADLINE).await;
    let failed = u64::try_from(offered).unwrap() - stats.get(EventOutcome::Dropped);
    assert_eq!(stats.get(EventOutcome::Failed), failed);
    assert_eq!(stats.get(EventOutcome::RateLimited), 0);
}

#[tokio::test]
async fn a_stop_takes_no_longer_than_it_may() {
    let api = FakeApi::start();
    api.mood(Mood::Hangs);
    let mut options = options(&api);
    options.timeout = DEADLINE;
    let events = Events::start(options).unwrap();
    for pod in 0..5 {
        events.offer(&of_pod("shop", pod));
    }
    until("a request", || !api.seen().is_empty()).await;
    let began = Instant::now();
    let stats = events.stop(Duration::from_millis(100)).await;
    assert!(began.elapsed() < DEADLINE / 4, "{:?}", began.elapsed());
    assert_eq!(counted(stats), [("dropped", 5)]);
}

#[tokio::test]
async fn a_stop_waits_for_no_server_that_is_gone() {
    let mut api = FakeApi::start();
    api.die();
    let mut options = options(&api);
    (options.first_pause, options.longest_pause) = (DEADLINE, DEADLINE);
    let events = Events::start(options).unwrap();
    for pod in 0..5 {
        events.offer(&of_pod("shop", pod));
    }
    let began = Instant::now();
    assert_eq!(counted(events.stop(DEADLINE).await), [("failed", 5)]);
    assert!(began.elapsed() < DEADLINE / 2, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_is_a_failure() {
    let api = FakeApi::start();
    let mut config = api.config();
    let url = config.cluster_url.to_string().replace("http:", "https:");
    config.cluster_url = url.parse().unwrap();
    let mut options = options(&api);
    options.api = Api::Given(Box::new(config));
    options.give_up_after = Duration::from_millis(200);
    let events = Events::start(options).unwrap();
    events.offer(&report());
    until_counted(&events, EventOutcome::Failed, 1).await;
    assert_eq!(counted(events.stop(DEADLINE).await), [("failed", 1)]);
    assert!(api.seen().is_empty());
}
