//! A place in a list and the part of it that is in view. The list itself is someone else's.

use super::command::Command;

/// Where we are in a list of so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Cursor {
    /// The chosen one.
    pub at: u64,
    /// The first in view.
    pub top: u64,
}

impl Cursor {
    /// Moves as a command says, in a list of `len` of which `height` are in view. Whether it was a movement.
    pub(super) fn go(&mut self, command: Command, len: u64, height: u16) -> bool {
        let page = u64::from(height.max(2)) - 1;
        let half = (page / 2).max(1);
        self.at = match command {
            Command::Down => self.at.saturating_add(1),
            Command::Up => self.at.saturating_sub(1),
            Command::Top => 0,
            Command::Bottom => u64::MAX,
            Command::PageDown => self.at.saturating_add(page),
            Command::PageUp => self.at.saturating_sub(page),
            Command::HalfDown => self.at.saturating_add(half),
            Command::HalfUp => self.at.saturating_sub(half),
            _ => return false,
        };
        self.fit(len, height);
        true
    }

    /// Keeps the chosen one inside the list and in view.
    pub(super) fn fit(&mut self, len: u64, height: u16) {
        let height = u64::from(height.max(1));
        self.at = self.at.min(len.saturating_sub(1));
        let lowest_top = self.at.saturating_sub(height - 1);
        self.top = self.top.clamp(lowest_top, self.at).min(len.saturating_sub(height.min(len)));
    }

    /// The part in view, for lists in memory.
    pub(super) fn window(&self, len: usize, height: u16) -> std::ops::Range<usize> {
        let top = usize::try_from(self.top).unwrap_or(usize::MAX).min(len);
        top..top.saturating_add(usize::from(height)).min(len)
    }

    /// The chosen index, for lists in memory.
    pub(super) fn index(&self) -> usize {
        usize::try_from(self.at).unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stays_in_the_list_and_in_view_at_any_size() {
        let commands = [
            Command::Down,
            Command::Bottom,
            Command::Up,
            Command::PageUp,
            Command::Top,
            Command::PageDown,
            Command::HalfDown,
            Command::HalfUp,
        ];
        for len in [0, 1, 2, 7, 100] {
            for height in [0, 1, 3, 10, 200] {
                let mut c = Cursor::default();
                for command in commands.iter().cycle().take(40) {
                    assert!(c.go(*command, len, height));
                    assert!(c.at < len.max(1), "{len} {height} {command:?} {c:?}");
                    assert!(
                        c.top <= c.at && c.at < c.top + u64::from(height.max(1)),
                        "{len} {height} {command:?} {c:?}"
                    );
                }
            }
        }
        assert!(!Cursor::default().go(Command::Quit, 3, 3));
    }

    #[test]
    fn a_list_that_shrinks_leaves_no_gap_below() {
        let mut c = Cursor { at: 90, top: 85 };
        c.fit(20, 10);
        assert_eq!(c, Cursor { at: 19, top: 10 });
    }
}
