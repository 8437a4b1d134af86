//! Puts one Event on its pod, or counts it to the one that is there.

use std::{collections::HashMap, time::Duration};

use k8s_openapi::{
    api::{
        core::v1::ObjectReference,
        events::v1::{Event, EventSeries},
    },
    apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta},
    jiff::Timestamp,
};
use kube::{
    Api, Client,
    api::{Patch, PatchParams, PostParams},
};
use rinit_trace_core::model::FindingId;
use tokio::time::{Instant, timeout};

use super::{
    EventOutcome, EventsOptions,
    fault::{Fault, FaultKind},
    notice::{Notice, Reason},
};

/// Who reports, in each Event.
const CONTROLLER: &str = "rinit-trace";
/// Longest instance that the API server takes, in bytes; a node's name may have 253.
const MAX_INSTANCE: usize = 128;
/// How long after the last of its kind one is counted to it.
const SERIES: Duration = Duration::from_mins(5);
/// Most Events that others are counted to.
const MAX_SERIES: usize = 1024;

/// The way to the API server.
pub(super) struct Publisher {
    client: Client,
    /// The node, or the controller where that is not known.
    instance: String,
    timeout: Duration,
    series: HashMap<Kind, Series>,
}

/// What is one Event.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Kind {
    namespace: String,
    uid: String,
    container: String,
    reason: Reason,
    cause: Option<FindingId>,
}

/// An Event that is on its pod.
struct Series {
    /// As the server has it.
    event: Event,
    last: Instant,
}

impl Publisher {
    pub(super) fn new(client: Client, options: &EventsOptions) -> Self {
        let node = options.node.as_deref().unwrap_or(CONTROLLER);
        Self {
            client,
            instance: node[..node.floor_char_boundary(MAX_INSTANCE)].to_owned(),
            timeout: options.timeout,
            series: HashMap::new(),
        }
    }

    pub(super) async fn publish(&mut self, notice: &Notice) -> Result<EventOutcome, Fault> {
        let kind = Kind {
            namespace: notice.pod.namespace.clone(),
            uid: notice.pod.uid.clone(),
            container: notice.pod.container.clone(),
            reason: notice.reason,
            cause: notice.cause,
        };
        self.forget(Instant::now());
        let events = Api::namespaced(self.client.clone(), &notice.pod.namespace);
        if let Some(series) = self.series.get_mut(&kind) {
            let event = repeated(&series.event, notice);
            match patch(&events, &event, self.timeout).await {
                Ok(()) => {
                    series.event = event;
                    series.last = Instant::now();
                    return Ok(EventOutcome::Aggregated);
                }
                // Somebody has removed the Event, or else the namespace is gone as well.
                Err(fault) if fault.kind == FaultKind::Gone => {
                    self.series.remove(&kind);
                }
                Err(fault) => return Err(fault),
            }
        }
        let event = first(notice, &self.instance);
        create(&events, &event, self.timeout).await?;
        let last = Instant::now();
        self.series.insert(kind, Series { event, last });
        Ok(EventOutcome::Published)
    }

    /// Makes room for one more.
    fn forget(&mut self, now: Instant) {
        let is_recent = |last: Instant| now.saturating_duration_since(last) < SERIES;
        self.series.retain(|_, series| is_recent(series.last));
        if self.series.len() < MAX_SERIES {
            return;
        }
        let oldest = self.series.iter().min_by_key(|(_, series)| series.last);
        if let Some(kind) = oldest.map(|(kind, _)| kind.clone()) {
            self.series.remove(&kind);
        }
    }
}

/// The Event of what happened. Its time is that of it: it may be sent much later.
fn first(notice: &Notice, instance: &str) -> Event {
    let pod = &notice.pod;
    let unique = Timestamp::now().as_nanosecond();
    Event {
        type_: Some("Warning".to_owned()),
        reason: Some(notice.reason.name().to_owned()),
        note: Some(notice.note.clone()),
        action: Some(notice.reason.action().to_owned()),
        event_time: Some(MicroTime(notice.at)),
        metadata: ObjectMeta {
            namespace: Some(pod.namespace.clone()),
            name: Some(format!("{}.{unique:x}", pod.name)),
            ..ObjectMeta::default()
        },
        regarding: Some(ObjectReference {
            api_version: Some("v1".to_owned()),
            kind: Some("Pod".to_owned()),
            namespace: Some(pod.namespace.clone()),
            name: Some(pod.name.clone()),
            uid: Some(pod.uid.clone()),
            // As the kubelet's own. Of init containers, too: nothing says here which ones are.
            field_path: Some(format!("spec.containers{{{}}}", pod.container)),
            ..ObjectReference::default()
        }),
        reporting_controller: Some(CONTROLLER.to_owned()),
        reporting_instance: Some(instance.to_owned()),
        ..Event::default()
    }
}

/// The same once it has happened again.
fn repeated(event: &Event, notice: &Notice) -> Event {
    let before = event.series.as_ref().map_or(1, |series| series.count);
    let last = MicroTime(notice.at);
    Event {
        series: Some(EventSeries {
            count: before.saturating_add(1),
            last_observed_time: last,
        }),
        ..event.clone()
    }
}

async fn create(events: &Api<Event>, event: &Event, within: Duration) -> Result<(), Fault> {
    let params = PostParams::default();
    in_time(within, events.create(&params, event)).await
}

async fn patch(events: &Api<Event>, event: &Event, within: Duration) -> Result<(), Fault> {
    let name = event.metadata.name.as_deref().unwrap_or_default();
    let (params, patch) = (PatchParams::default(), Patch::Merge(event));
    in_time(within, events.patch(name, &params, &patch)).await
}

async fn in_time(
    within: Duration,
    answer: impl Future<Output = kube::Result<Event>>,
) -> Result<(), Fault> {
    match timeout(within, answer).await {
        Ok(answer) => answer.map(drop).map_err(Fault::from),
        Err(_) => Err(Fault::timed_out(within)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Api;
    use super::*;
    use kube::Config;

    #[tokio::test(start_paused = true)]
    async fn events_are_forgotten_when_they_are_old_or_too_many() {
        let config = Config::new("http://127.0.0.1:1".parse().unwrap());
        let client = Client::try_from(config).unwrap();
        let options = EventsOptions::new(Api::InCluster, None);
        let mut publisher = Publisher::new(client, &options);
        for uid in 0..2 * MAX_SERIES {
            publisher.forget(Instant::now());
            let kind = Kind {
                namespace: "shop".into(),
                uid: uid.to_string(),
                container: "web".into(),
                reason: Reason::ForcedStop,
                cause: None,
            };
            let (event, last) = (Event::default(), Instant::now());
            publisher.series.insert(kind, Series { event, last });
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        assert_eq!(publisher.series.len(), MAX_SERIES);
        let newest = |kind: &Kind| kind.uid.parse::<usize>().unwrap() >= MAX_SERIES;
        assert!(publisher.series.keys().all(newest));
        publisher.forget(Instant::now() + SERIES);
        assert!(publisher.series.is_empty());
    }
}
