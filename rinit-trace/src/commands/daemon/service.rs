//! What systemd is told (`Type=notify`); nothing happens where nobody listens.

use sd_notify::NotifyState;

/// Every probe is attached, and everybody who was there is known.
pub(super) fn ready() {
    tell(&[NotifyState::Ready]);
}

/// The loop turns.
pub(super) fn alive() {
    tell(&[NotifyState::Watchdog]);
}

/// The end was asked for.
pub(super) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

fn tell(state: &[NotifyState]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::debug!("systemd was not told: {error}");
    }
}
