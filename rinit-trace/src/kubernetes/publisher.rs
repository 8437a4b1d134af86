//! Puts one Event on its pod, or counts it to the one that is there.

use std::{collections::HashMap, time::Duration};

use k8s_openapi::api::core::v1::ObjectReference;
use kube::{
    Client,
    runtime::events::{Event, EventType, Recorder, Reporter},
};
use rinit_trace_core::model::FindingId;
use tokio::time::{Instant, timeout};

use super::{
    EventOutcome, EventsOptions,
    fault::{Fault, FaultKind},
    notice::Notice,
};

/// Who reports, in each Event.
const CONTROLLER: &str = "rinit-trace";
/// Longest instance that the API server takes, in bytes; a node's name may have 253.
const MAX_INSTANCE: usize = 128;
/// How long after the last of its kind one is counted to it. The recorder forgets after six minutes.
const SERIES: Duration = Duration::from_mins(5);
/// Most Events that others are counted to.
const MAX_SERIES: usize = 1024;

/// The way to the API server.
pub(super) struct Publisher {
    client: Client,
    reporter: Reporter,
    timeout: Duration,
    series: HashMap<Kind, Series>,
}

/// What is one Event: a recorder tells apart by pod and reason only.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Kind {
    namespace: String,
    uid: String,
    container: String,
    cause: Option<FindingId>,
}

/// An Event that is on its pod.
struct Series {
    /// Knows it by the name that it has given it.
    recorder: Recorder,
    last: Instant,
}

impl Publisher {
    pub(super) fn new(client: Client, options: &EventsOptions) -> Self {
        let instance = |node: &String| node[..node.floor_char_boundary(MAX_INSTANCE)].to_owned();
        Self {
            client,
            reporter: Reporter {
                controller: CONTROLLER.to_owned(),
                instance: options.node.as_ref().map(instance),
            },
            timeout: options.timeout,
            series: HashMap::new(),
        }
    }

    pub(super) async fn publish(&mut self, notice: &Notice) -> Result<EventOutcome, Fault> {
        let kind = Kind {
            namespace: notice.pod.namespace.clone(),
            uid: notice.pod.uid.clone(),
            container: notice.pod.container.clone(),
            cause: notice.cause,
        };
        self.forget(Instant::now());
        if let Some(series) = self.series.get_mut(&kind) {
            match put(&series.recorder, notice, self.timeout).await {
                Ok(()) => {
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
        let recorder = Recorder::new(self.client.clone(), self.reporter.clone());
        put(&recorder, notice, self.timeout).await?;
        let last = Instant::now();
        self.series.insert(kind, Series { recorder, last });
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

async fn put(recorder: &Recorder, notice: &Notice, within: Duration) -> Result<(), Fault> {
    let event = Event {
        type_: EventType::Warning,
        reason: "ForcedStop".to_owned(),
        note: Some(notice.note.clone()),
        action: "Stop".to_owned(),
        secondary: None,
    };
    let pod = &notice.pod;
    let regarding = ObjectReference {
        api_version: Some("v1".to_owned()),
        kind: Some("Pod".to_owned()),
        namespace: Some(pod.namespace.clone()),
        name: Some(pod.name.clone()),
        uid: Some(pod.uid.clone()),
        ..ObjectReference::default()
    };
    match timeout(within, recorder.publish(&event, &regarding)).await {
        Ok(answer) => answer.map_err(Fault::from),
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
        let mut publisher = Publisher::new(client.clone(), &options);
        for uid in 0..2 * MAX_SERIES {
            publisher.forget(Instant::now());
            let kind = Kind {
                namespace: "shop".into(),
                uid: uid.to_string(),
                container: "web".into(),
                cause: None,
            };
            let recorder = Recorder::new(client.clone(), publisher.reporter.clone());
            let last = Instant::now();
            publisher.series.insert(kind, Series { recorder, last });
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        assert_eq!(publisher.series.len(), MAX_SERIES);
        let newest = |kind: &Kind| kind.uid.parse::<usize>().unwrap() >= MAX_SERIES;
        assert!(publisher.series.keys().all(newest));
        publisher.forget(Instant::now() + SERIES);
        assert!(publisher.series.is_empty());
    }
}
