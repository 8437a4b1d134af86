//! Work that may block for ever, done where it holds up nobody.

use std::{sync::Arc, thread};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, oneshot},
    time::{Instant, timeout_at},
};

use super::LookupOutcome;

/// Runs it on a thread of its own, and waits for it until the deadline. A thread that never comes back
/// keeps its permit, so that there are never more of them than permits, and the program can still end.
pub(super) async fn aside<T: Send + 'static>(
    permits: &Arc<Semaphore>,
    deadline: Instant,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, LookupOutcome> {
    let permit = timeout_at(deadline, Arc::clone(permits).acquire_owned()).await;
    let Ok(Ok(permit)) = permit else {
        return Err(LookupOutcome::Busy);
    };
    let (done, answer) = oneshot::channel();
    let run = move || {
        let _permit: OwnedSemaphorePermit = permit;
        // Nobody waits any more.
        let _ = done.send(work());
    };
    if thread::Builder::new()
        .name("bundle".to_owned())
        .spawn(run)
        .is_err()
    {
        return Err(LookupOutcome::Busy);
    }
    match timeout_at(deadline, answer).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(_)) | Err(_) => Err(LookupOutcome::TimedOut),
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, time::Duration};

    use super::*;

    #[tokio::test]
    async fn work_that_hangs_costs_its_permit_and_no_more() {
        let permits = Arc::new(Semaphore::new(1));
        let soon = || Instant::now() + Duration::from_millis(50);
        let (release, wait) = mpsc::channel::<()>();
        let hung = aside(&permits, soon(), move || wait.recv().is_ok()).await;
        assert_eq!(hung, Err(LookupOutcome::TimedOut));
        let busy = aside(&permits, soon(), || ()).await;
        assert_eq!(busy, Err(LookupOutcome::Busy));
        release.send(()).unwrap();
        let later = Instant::now() + Duration::from_secs(20);
        assert_eq!(aside(&permits, later, || 7).await, Ok(7));
    }
}
