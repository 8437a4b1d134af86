use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use prost::bytes::Bytes;
use rinit_trace_core::model::{Grace, GraceSource};

use super::{
    messages::{Container, Status},
    testing::{
        FakeCri, POD, Reply, SANDBOX, UID, container, image, list, pod_answers, sandbox,
        serve_garbage, status,
    },
    *,
};
use crate::runtime::testing::WEB;
use prost::Message;

const SOON: Duration = Duration::from_secs(1);
const LATE: Duration = Duration::from_secs(20);

fn socket(path: PathBuf, timeout: Duration) -> CriSocket {
    CriSocket::new(path, timeout, LATE, 4)
}

async fn details(cri: &CriSocket, id: &str) -> (Details, Result<(), CriMiss>) {
    let deadline = Instant::now() + cri.timeout;
    let known = cri.find(id, deadline).await.unwrap();
    cri.complete(id, known, deadline).await
}

async fn find(cri: &CriSocket, id: &str) -> Result<Known, CriMiss> {
    cri.find(id, Instant::now() + cri.timeout).await
}

fn signal_of(details: &Details) -> Option<Signal> {
    details.stop_signal.map(|configured| configured.signal)
}

#[tokio::test]
async fn a_container_has_its_pods_names_and_what_the_kubelet_asked_for() {
    let fake = FakeCri::with_pod();
    let cri = socket(fake.socket(), LATE);
    let (details, result) = details(&cri, WEB).await;
    assert_eq!(result, Ok(()));
    let pod = details.pod.clone().unwrap();
    assert_eq!((pod.namespace.as_str(), pod.name.as_str()), ("shop", POD));
    assert_eq!((pod.uid.as_str(), pod.container.as_str()), (UID, "app"));
    assert_eq!(pod.owner.as_deref(), Some("web"));
    assert_eq!(details.image.as_deref(), Some("shop/web:1.4"));
    let grace = Grace {
        period: Duration::from_secs(45),
        source: GraceSource::Pod,
    };
    assert_eq!(details.grace, Some(grace));
    assert!(details.has_pre_stop && !details.is_sandbox);
    assert_eq!(signal_of(&details), Some(Signal::USR1));
}

#[tokio::test]
async fn a_run_of_a_cron_job_belongs_to_it_by_the_time_of_its_sandbox() {
    let run = "backup-28934107";
    let fake = FakeCri::new(move |method, question| match method {
        "ListPodSandbox" => {
            let mut sandbox = sandbox();
            sandbox.metadata.as_mut().unwrap().name = format!("{run}-x2k4p");
            sandbox.labels = [("job-name".to_owned(), run.to_owned())].into();
            list(&[sandbox])
        }
        _ => pod_answers(method, question),
    });
    let cri = socket(fake.socket(), LATE);
    let pod = details(&cri, WEB).await.0.pod.unwrap();
    assert_eq!(pod.owner.as_deref(), Some("backup"));
}

#[tokio::test]
async fn a_sandbox_is_one_and_nothing_more_is_asked_of_it() {
    let fake = FakeCri::with_pod();
    let cri = socket(fake.socket(), LATE);
    let (details, result) = details(&cri, SANDBOX).await;
    assert_eq!(result, Ok(()));
    assert!(details.is_sandbox);
    assert_eq!(details.pod.unwrap().container, "POD");
    assert_eq!(fake.asked("ContainerStatus"), 0);
}

#[tokio::test]
async fn the_signal_in_a_status_wins_over_the_images() {
    let fake = FakeCri::new(|method, question| match method {
        "ContainerStatus" => status(18),
        _ => pod_answers(method, question),
    });
    let cri = socket(fake.socket(), LATE);
    let (details, _) = details(&cri, WEB).await;
    assert_eq!(signal_of(&details), Some(Signal::QUIT));
    assert_eq!(fake.asked("ImageStatus"), 0);
}

#[tokio::test]
async fn an_image_that_asks_for_none_gets_sigterm_and_one_that_does_not_say_nothing() {
    for (info, expected) in [
        (r#"{"imageSpec":{"config":{}}}"#, Some(Signal::TERM)),
        ("{}", None),
    ] {
        let fake = FakeCri::new(move |method, question| match method {
            "ImageStatus" => image(info),
            _ => pod_answers(method, question),
        });
        let cri = socket(fake.socket(), LATE);
        for _ in 0..2 {
            let (details, result) = details(&cri, WEB).await;
            assert_eq!((signal_of(&details), result), (expected, Ok(())));
        }
        assert_eq!(fake.asked("ImageStatus"), 1);
    }
}

#[tokio::test]
async fn an_image_known_by_its_id_alone_is_named_by_the_status() {
    let digest = format!("sha256:{WEB}");
    let fake = FakeCri::new(move |method, question| match method {
        "ListContainers" => list(&[Container {
            image: Some(Image {
                image: digest.clone(),
                ..Image::default()
            }),
            ..container(WEB)
        }]),
        "ContainerStatus" => Reply::Message(
            StatusAnswer {
                status: Some(Status {
                    image: Some(Image {
                        image: "docker.io/shop/web:1.4".to_owned(),
                        ..Image::default()
                    }),
                    stop_signal: 0,
                }),
            }
            .encode_to_vec(),
        ),
        _ => pod_answers(method, question),
    });
    let cri = socket(fake.socket(), LATE);
    let (details, _) = details(&cri, WEB).await;
    assert_eq!(details.image.as_deref(), Some("docker.io/shop/web:1.4"));
}

#[tokio::test]
async fn one_list_serves_a_thousand_containers() {
    let ids: Vec<String> = (0..1000).map(|number| format!("{number:064x}")).collect();
    let containers: Vec<Container> = ids.iter().map(|id| container(id)).collect();
    let fake = FakeCri::new(move |method, question| match method {
        "ListContainers" => list(&containers),
        _ => pod_answers(method, question),
    });
    let cri = Arc::new(socket(fake.socket(), LATE));
    let mut asking = tokio::task::JoinSet::new();
    for id in ids {
        let cri = Arc::clone(&cri);
        asking.spawn(async move { find(&cri, &id).await });
    }
    let found = asking.join_all().await;
    assert!(found.iter().all(Result::is_ok));
    assert_eq!(fake.asked("ListContainers"), 1);
    assert_eq!(fake.asked("ListPodSandbox"), 1);
}

#[tokio::test]
async fn who_comes_later_is_found_by_a_later_list() {
    let lists = AtomicUsize::new(0);
    let fake = FakeCri::new(move |method, question| {
        let is_first = method == "ListContainers" && lists.fetch_add(1, Ordering::Relaxed) == 0;
        if is_first {
            return list(&[container("a")]);
        }
        pod_answers(method, question)
    });
    let cri = socket(fake.socket(), LATE);
    assert_eq!(find(&cri, WEB).await, Err(CriMiss::Unknown));
    assert!(find(&cri, WEB).await.is_ok());
    assert_eq!(fake.asked("ListContainers"), 2);
}

#[tokio::test]
async fn a_runtime_that_was_restarted_is_asked_again() {
    let mut fake = FakeCri::with_pod();
    let cri = socket(fake.socket(), LATE);
    assert!(find(&cri, WEB).await.is_ok());
    fake.restart();
    assert_eq!(find(&cri, "unknown").await, Err(CriMiss::Unknown));
    assert_eq!(fake.asked("ListContainers"), 2);
}

#[tokio::test]
async fn each_way_to_fail_is_told_apart_and_then_left_alone() {
    let huge = {
        let length = u32::try_from(17 << 20).unwrap();
        [&[0][..], &length.to_be_bytes(), &vec![0; 17 << 20]].concat()
    };
    for (reply, expected) in [
        (Reply::Hang, CriError::TimedOut),
        (Reply::Reset, CriError::Bad),
        (Reply::Status(12), CriError::Unimplemented),
        (Reply::Status(2), CriError::Status(tonic::Code::Unknown)),
        (Reply::Frame(vec![0xff; 40]), CriError::Bad),
        (Reply::Frame(Vec::new()), CriError::Bad),
        (Reply::Frame(vec![0, 0, 0, 0, 9, 1]), CriError::Bad),
        (Reply::Message(vec![0xff; 40]), CriError::Bad),
        (Reply::Frame(huge), CriError::Bad),
    ] {
        let shown = format!("{reply:.40?}");
        let timeout = if expected == CriError::TimedOut {
            SOON
        } else {
            LATE
        };
        let fake = FakeCri::new(move |_, _| reply.clone());
        let cri = socket(fake.socket(), timeout);
        let before = Instant::now();
        let failed = find(&cri, WEB).await;
        assert_eq!(failed, Err(CriMiss::Failed(expected)), "{shown:.60}");
        assert!(before.elapsed() < LATE, "{shown:.60}");
        assert_eq!(find(&cri, WEB).await, Err(CriMiss::Suppressed));
        assert_eq!(fake.asked("ListContainers"), 1);
    }
}

#[tokio::test]
async fn what_does_not_speak_grpc_is_a_bad_answer() {
    for bytes in [&b""[..], b"HTTP/1.1 400 Bad Request\r\n\r\n", &[0xff; 100]] {
        let (_dir, path, _server) = serve_garbage(bytes);
        let cri = socket(path, LATE);
        assert_eq!(find(&cri, WEB).await, Err(CriMiss::Failed(CriError::Bad)));
    }
}

#[tokio::test]
async fn sockets_that_are_not_there_or_dead_are_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let cri = socket(dir.path().join("none.sock"), LATE);
    for _ in 0..2 {
        let absent = Err(CriMiss::Failed(CriError::Absent));
        assert_eq!(find(&cri, WEB).await, absent);
    }
    let path = dir.path().join("cri.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let cri = socket(path, LATE);
    let refused = Err(CriMiss::Failed(CriError::Refused));
    assert_eq!(find(&cri, WEB).await, refused);
    assert_eq!(find(&cri, WEB).await, Err(CriMiss::Suppressed));
}

#[tokio::test]
async fn a_status_that_hangs_leaves_the_names_of_the_list() {
    let fake = FakeCri::new(|method, question| match method {
        "ContainerStatus" => Reply::Hang,
        _ => pod_answers(method, question),
    });
    let cri = socket(fake.socket(), SOON);
    let (first, result) = details(&cri, WEB).await;
    assert_eq!(result, Err(CriMiss::Failed(CriError::TimedOut)));
    assert_eq!(first.pod.clone().unwrap().name, POD);
    let (second, result) = details(&cri, WEB).await;
    assert_eq!((second, result), (first, Err(CriMiss::Suppressed)));
    assert_eq!(fake.asked("ContainerStatus"), 1);
}

#[test]
fn a_broken_item_is_lost_alone() {
    let containers = [
        Bytes::from_static(&[0xff, 0xff]),
        container(WEB).encode_to_vec().into(),
        Container {
            id: "x".repeat(1000),
            ..container(WEB)
        }
        .encode_to_vec()
        .into(),
    ];
    let sandboxes = [sandbox().encode_to_vec().into()];
    let inventory = Inventory::new(Instant::now(), &containers, &sandboxes);
    assert!(inventory.get(WEB).is_some() && inventory.get(SANDBOX).is_some());
    assert!(inventory.get(&"x".repeat(1000)).is_none());
}

#[test]
fn without_the_sandbox_the_kubelets_labels_name_the_pod() {
    let mut labelled = container(WEB);
    for (name, value) in [
        ("io.kubernetes.pod.namespace", "shop"),
        ("io.kubernetes.pod.name", POD),
        ("io.kubernetes.pod.uid", UID),
    ] {
        labelled.labels.insert(name.to_owned(), value.to_owned());
    }
    let containers = [labelled.encode_to_vec().into()];
    let inventory = Inventory::new(Instant::now(), &containers, &[]);
    let pod = inventory.get(WEB).unwrap().details.pod.clone().unwrap();
    assert_eq!((pod.name.as_str(), pod.container.as_str()), (POD, "app"));
    assert_eq!(pod.owner, None);
}

proptest! {
    #[test]
    fn any_list_is_survived(
        containers in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..4),
        cut in 0_usize..400,
    ) {
        let mut whole = container(WEB).encode_to_vec();
        whole.truncate(cut);
        let mut items: Vec<Bytes> = containers.into_iter().map(Bytes::from).collect();
        items.push(whole.into());
        let _ = Inventory::new(Instant::now(), &items, &items);
    }
}
