//! What containerd and CRI-O tell of their containers over CRI.
//!
//! One list of containers and one of sandboxes serve every question until a container is asked for that
//! is not in them. However many wait, one list at a time is under way, and lists leave the runtime most
//! of its time. A socket that fails is left alone for some seconds.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rinit_trace_core::model::Signal;
use tokio::{
    sync::{Mutex as Turn, Semaphore},
    time::{Instant, sleep_until, timeout_at},
};
use tonic::transport::Channel;

mod client;
mod inventory;
mod messages;
mod owner;
mod signals;
#[cfg(test)]
pub(super) mod testing;
#[cfg(test)]
mod tests;

pub(super) use client::CriError;

use super::details::{Details, StopSignal};
use inventory::{Inventory, Known, is_digest};
use messages::{Image, ImageAnswer, ImageQuestion, Items, Nothing, StatusAnswer, StatusQuestion};
use signals::OfImage;

const LIST_CONTAINERS: &str = "/runtime.v1.RuntimeService/ListContainers";
const LIST_SANDBOXES: &str = "/runtime.v1.RuntimeService/ListPodSandbox";
const CONTAINER_STATUS: &str = "/runtime.v1.RuntimeService/ContainerStatus";
const IMAGE_STATUS: &str = "/runtime.v1.ImageService/ImageStatus";

/// Shortest time between two lists.
const MIN_GAP: Duration = Duration::from_millis(100);
/// A list that took long is followed by a pause that is so many times longer.
const GAP_FACTOR: u32 = 5;
/// Images whose stop signal is remembered; a node has some hundreds at most.
const MAX_IMAGES: usize = 1024;
/// A question with less time left would only make a slow runtime look dead.
const MIN_SHARE: u32 = 4;

/// Why a socket says nothing of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CriMiss {
    /// Too many wait: our question was not put in time.
    Busy,
    /// It failed a moment ago.
    Suppressed,
    /// It has no such container.
    Unknown,
    /// It failed.
    Failed(CriError),
}

/// A runtime's socket, with what was learnt there.
#[derive(Debug)]
pub(super) struct CriSocket {
    path: PathBuf,
    timeout: Duration,
    pause: Duration,
    /// Held by who asks for a list.
    turn: Turn<()>,
    /// For questions about one container.
    permits: Semaphore,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    channel: Option<Channel>,
    inventory: Option<Arc<Inventory>>,
    next_list: Option<Instant>,
    paused_until: Option<Instant>,
    images: HashMap<String, OfImage>,
}

impl CriSocket {
    pub(super) fn new(
        path: PathBuf,
        timeout: Duration,
        pause: Duration,
        concurrency: usize,
    ) -> Self {
        Self {
            path,
            timeout,
            pause,
            turn: Turn::new(()),
            permits: Semaphore::new(concurrency),
            state: Mutex::default(),
        }
    }

    /// What the last list says of a container. Does not ask.
    pub(super) fn known(&self, id: &str) -> Option<Known> {
        let inventory = self.state().inventory.clone()?;
        inventory.get(id).cloned()
    }

    /// What the runtime says of a container, with a new list where the last one does not know it.
    pub(super) async fn find(&self, id: &str, deadline: Instant) -> Result<Known, CriMiss> {
        let asked = Instant::now();
        if let Some(answer) = self.at_hand(id, asked) {
            return answer;
        }
        let Ok(_turn) = timeout_at(deadline, self.turn.lock()).await else {
            return Err(CriMiss::Busy);
        };
        // Whoever had the turn may have learnt it, or found the socket dead.
        if let Some(answer) = self.at_hand(id, asked) {
            return answer;
        }
        let next = self.state().next_list;
        if let Some(next) = next.filter(|next| *next > Instant::now()) {
            if next >= deadline {
                return Err(CriMiss::Busy);
            }
            sleep_until(next).await;
        }
        self.check_time(deadline)?;
        match self.list(deadline).await {
            Ok(inventory) => inventory.get(id).cloned().ok_or(CriMiss::Unknown),
            Err(error) => Err(CriMiss::Failed(error)),
        }
    }

    /// Adds the stop signal that the runtime will send, and an image's name where the list has but its
    /// id: one or two questions about this container alone.
    pub(super) async fn complete(
        &self,
        id: &str,
        known: Known,
        deadline: Instant,
    ) -> (Details, Result<(), CriMiss>) {
        let mut details = known.details;
        if details.is_sandbox {
            return (details, Ok(()));
        }
        let asked = self.ask_signal(id, &known.image_ref, &mut details, deadline);
        let result = asked.await;
        (details, result)
    }

    async fn ask_signal(
        &self,
        id: &str,
        image_ref: &str,
        details: &mut Details,
        deadline: Instant,
    ) -> Result<(), CriMiss> {
        let Ok(Ok(_permit)) = timeout_at(deadline, self.permits.acquire()).await else {
            return Err(CriMiss::Busy);
        };
        self.check_time(deadline)?;
        if self.is_paused() {
            return Err(CriMiss::Suppressed);
        }
        let status = StatusQuestion {
            container_id: id.to_owned(),
        };
        let answer: Result<StatusAnswer, CriError> =
            self.ask(CONTAINER_STATUS, status, deadline).await;
        let status = match answer {
            Ok(answer) => answer.status.unwrap_or_default(),
            // It has just been removed, which leaves the image to ask for.
            Err(CriError::NotFound) => messages::Status::default(),
            Err(error) => return Err(CriMiss::Failed(error)),
        };
        let image = status.image.map(|image| image.image).unwrap_or_default();
        if details.image.as_deref().is_none_or(is_digest) && !is_digest(&image) {
            details.image = super::details::text(Some(&image)).or(details.image.take());
        }
        let signal = match signals::signal(status.stop_signal) {
            Some(signal) => Some(signal),
            None => self.of_image(image_ref, deadline).await?,
        };
        details.stop_signal = signal.map(|signal| StopSignal {
            signal,
            is_effective: true,
        });
        Ok(())
    }

    /// The signal for a container whose status names none: its image's, or the runtimes' default.
    async fn of_image(
        &self,
        image_ref: &str,
        deadline: Instant,
    ) -> Result<Option<Signal>, CriMiss> {
        let known = self.state().images.get(image_ref).copied();
        let said = match known {
            Some(said) => said,
            None if image_ref.is_empty() => OfImage::Unknown,
            None => self.ask_image(image_ref, deadline).await?,
        };
        Ok(match said {
            OfImage::Asks(signal) => Some(signal),
            OfImage::None => Some(Signal::TERM),
            OfImage::Unknown => None,
        })
    }

    async fn ask_image(&self, image_ref: &str, deadline: Instant) -> Result<OfImage, CriMiss> {
        let question = ImageQuestion {
            image: Some(Image {
                image: image_ref.to_owned(),
                ..Image::default()
            }),
            verbose: true,
        };
        let answer: Result<ImageAnswer, CriError> =
            self.ask(IMAGE_STATUS, question, deadline).await;
        let said = match answer {
            Ok(answer) => answer
                .info
                .get("info")
                .map_or(OfImage::Unknown, |info| signals::of_image(info)),
            Err(CriError::NotFound) => OfImage::Unknown,
            Err(error) => return Err(CriMiss::Failed(error)),
        };
        let mut state = self.state();
        if state.images.len() >= MAX_IMAGES {
            state.images.clear();
        }
        state.images.insert(image_ref.to_owned(), said);
        Ok(said)
    }

    /// Without asking: known, or not to be asked for now.
    fn at_hand(&self, id: &str, asked: Instant) -> Option<Result<Known, CriMiss>> {
        let state = self.state();
        if let Some(inventory) = &state.inventory {
            if let Some(known) = inventory.get(id) {
                return Some(Ok(known.clone()));
            }
            // A list that was begun later than the question would have it.
            if inventory.begun > asked {
                return Some(Err(CriMiss::Unknown));
            }
        }
        drop(state);
        self.is_paused().then_some(Err(CriMiss::Suppressed))
    }

    /// Whether it failed a moment ago.
    fn is_paused(&self) -> bool {
        let paused_until = self.state().paused_until;
        paused_until.is_some_and(|end| Instant::now() < end)
    }

    fn check_time(&self, deadline: Instant) -> Result<(), CriMiss> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left < self.timeout / MIN_SHARE {
            return Err(CriMiss::Busy);
        }
        Ok(())
    }

    async fn list(&self, deadline: Instant) -> Result<Arc<Inventory>, CriError> {
        let begun = Instant::now();
        let containers: Items = self.ask(LIST_CONTAINERS, Nothing {}, deadline).await?;
        let sandboxes: Items = self.ask(LIST_SANDBOXES, Nothing {}, deadline).await?;
        let inventory = Inventory::new(begun, &containers.items, &sandboxes.items);
        let inventory = Arc::new(inventory);
        let now = Instant::now();
        let mut state = self.state();
        state.inventory = Some(Arc::clone(&inventory));
        state.next_list = Some(now + MIN_GAP.max((now - begun) * GAP_FACTOR));
        Ok(inventory)
    }

    /// One question, once more where a connection that was made before has ended meanwhile.
    async fn ask<Q, A>(
        &self,
        method: &'static str,
        question: Q,
        deadline: Instant,
    ) -> Result<A, CriError>
    where
        Q: prost::Message + Clone + 'static,
        A: prost::Message + Default + 'static,
    {
        let asking = async {
            let kept = self.state().channel.clone();
            if let Some(channel) = kept {
                match client::ask(&channel, method, question.clone()).await {
                    // The runtime was restarted, perhaps.
                    Err(CriError::Bad) => self.state().channel = None,
                    answer => return answer,
                }
            }
            let channel = client::connect(&self.path).await?;
            self.state().channel = Some(channel.clone());
            client::ask(&channel, method, question).await
        };
        let answer = timeout_at(deadline, asking).await;
        let answer = answer.unwrap_or(Err(CriError::TimedOut));
        if let Err(error) = &answer
            && error.concerns_socket()
        {
            tracing::debug!("cri at {}: {method}: {error}", self.path.display());
            let mut state = self.state();
            state.channel = None;
            state.paused_until = Some(Instant::now() + self.pause);
        }
        answer
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics half-way, and what is in it may be lost.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
