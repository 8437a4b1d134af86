//! Of lost records, those that no workload has marked as its own: they put every stop in doubt.

/// The kernel side marks a loss and then counts it, and user space reads the count and then the marks. So at one look
/// there may be marks of losses that only the next one counts.
#[derive(Debug, Default)]
pub(super) struct Unmarked {
    /// Marks that are not counted yet.
    ahead: u64,
}

impl Unmarked {
    /// How many of the losses since the last look have no mark. `counted` and `marked`: what is new of each.
    pub(super) fn of(&mut self, counted: u64, marked: u64) -> u64 {
        let marked = marked.saturating_add(self.ahead);
        self.ahead = marked.saturating_sub(counted);
        counted.saturating_sub(marked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_that_is_marked_between_the_two_reads_is_nobody_elses() {
        let mut unmarked = Unmarked::default();
        assert_eq!(unmarked.of(10, 13), 0);
        assert_eq!(unmarked.of(3, 0), 0);
        assert_eq!(unmarked.of(5, 5), 0);
    }

    #[test]
    fn what_has_no_mark_is_told_once() {
        let mut unmarked = Unmarked::default();
        assert_eq!(unmarked.of(10, 7), 3);
        assert_eq!(unmarked.of(10, 10), 0);
        assert_eq!(unmarked.of(4, 5), 0);
        assert_eq!(unmarked.of(3, 0), 2);
    }
}
