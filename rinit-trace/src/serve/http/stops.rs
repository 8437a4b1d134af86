//! The answer with reports, which may be large and is read as slowly as somebody likes: it shares them with the
//! history, and so costs next to nothing while it waits.

use std::{
    collections::VecDeque,
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use hyper::body::{Body, Bytes, Frame, SizeHint};

/// `{"stops":[…]}`, piece by piece.
pub(super) struct Stops(VecDeque<Bytes>);

impl Stops {
    pub(super) fn new(reports: Vec<Arc<str>>) -> Self {
        let mut pieces = VecDeque::from([Bytes::from_static(b"{\"stops\":[")]);
        for (index, report) in reports.into_iter().enumerate() {
            if index > 0 {
                pieces.push_back(Bytes::from_static(b","));
            }
            pieces.push_back(Bytes::from_owner(Text(report)));
        }
        pieces.push_back(Bytes::from_static(b"]}\n"));
        Self(pieces)
    }
}

struct Text(Arc<str>);

impl AsRef<[u8]> for Text {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl Body for Stops {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop_front().map(|piece| Ok(Frame::data(piece))))
    }

    fn size_hint(&self) -> SizeHint {
        let left = self.0.iter().map(Bytes::len).sum::<usize>();
        u64::try_from(left).map_or_else(|_| SizeHint::default(), SizeHint::with_exact)
    }
}
