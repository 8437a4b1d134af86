//! Signal numbers and their names.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A signal number, 1 to 64, in the numbering of x86-64 and arm64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Signal(pub u8);

/// First real-time signal a program may use (glibc keeps 32 and 33).
const RTMIN: u8 = 34;
const RTMAX: u8 = 64;

const NAMES: [&str; 31] = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2",
    "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG",
    "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
];

impl Signal {
    /// SIGHUP
    pub const HUP: Self = Self(1);
    /// SIGINT
    pub const INT: Self = Self(2);
    /// SIGQUIT
    pub const QUIT: Self = Self(3);
    /// SIGKILL
    pub const KILL: Self = Self(9);
    /// SIGUSR1
    pub const USR1: Self = Self(10);
    /// SIGSEGV
    pub const SEGV: Self = Self(11);
    /// SIGUSR2
    pub const USR2: Self = Self(12);
    /// SIGTERM
    pub const TERM: Self = Self(15);
    /// SIGCHLD
    pub const CHLD: Self = Self(17);
    /// SIGTSTP
    pub const TSTP: Self = Self(20);
    /// SIGTTIN
    pub const TTIN: Self = Self(21);
    /// SIGTTOU
    pub const TTOU: Self = Self(22);
    /// SIGURG
    pub const URG: Self = Self(23);
    /// SIGWINCH
    pub const WINCH: Self = Self(28);
    /// SIGPWR
    pub const PWR: Self = Self(30);
    /// SIGRTMIN+3, systemd's request to halt
    pub const RTMIN_3: Self = Self(37);

    /// A signal of the kernel's range, else `None`.
    pub fn new(number: u32) -> Option<Self> {
        u8::try_from(number)
            .ok()
            .filter(|number| (1..=RTMAX).contains(number))
            .map(Self)
    }

    /// Whether it queues: of another one a second is dropped while the first is pending (kernel/signal.c
    /// `legacy_queue()`).
    pub fn is_realtime(self) -> bool {
        self.0 >= 32
    }

    /// Its bit in a mask, as in the kernel's `sigset_t`.
    pub fn bit(self) -> u64 {
        rinit_trace_common::signal_bit(u32::from(self.0))
    }

    /// Whether it asks a program to end whatever the program is: INT, QUIT, TERM, PWR, RTMIN+3.
    pub fn is_usual_stop(self) -> bool {
        self.bit() & rinit_trace_common::STOP_SIGNALS != 0
    }

    /// Whether it asks a member to end where `stop` is the stop signal: that, another usual one, or
    /// whatever fatal one the init sends on (`dumb-init -r`).
    pub fn asks_to_end(self, stop: Self, is_sent_on: bool) -> bool {
        let is_passed_on = is_sent_on && self != Self::KILL && self.is_fatal_by_default();
        self == stop || self.is_usual_stop() || is_passed_on
    }

    /// Whether its default action ends a process: all but CHLD, CONT, URG, WINCH and the stops.
    pub fn is_fatal_by_default(self) -> bool {
        !matches!(self.0, 17..=23 | 28)
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            number @ 1..=31 => write!(f, "SIG{}", NAMES[usize::from(number) - 1]),
            RTMIN => f.write_str("SIGRTMIN"),
            number @ 35..=64 => write!(f, "SIGRTMIN+{}", number - RTMIN),
            number => write!(f, "SIG({number})"),
        }
    }
}

impl FromStr for Signal {
    type Err = ();

    /// `SIGTERM`, `TERM`, `term`, `15`, `SIGRTMIN+3`, `RTMAX-1`: what runtimes write; and `SIG(33)`,
    /// as [`Display`](fmt::Display) writes a signal without a name.
    fn from_str(text: &str) -> Result<Self, ()> {
        let upper = text.trim().to_ascii_uppercase();
        let unnamed = upper
            .strip_prefix("SIG(")
            .and_then(|rest| rest.strip_suffix(')'));
        if let Ok(number) = unnamed.unwrap_or(&upper).parse::<u32>() {
            return Self::new(number).ok_or(());
        }
        let name = upper.strip_prefix("SIG").unwrap_or(&upper);
        if let Some(index) = NAMES.iter().position(|known| *known == name) {
            return u8::try_from(index + 1).map(Self).map_err(|_| ());
        }
        let number = if let Some(rest) = name.strip_prefix("RTMIN") {
            offset(rest, '+').and_then(|by| RTMIN.checked_add(by))
        } else if let Some(rest) = name.strip_prefix("RTMAX") {
            offset(rest, '-').and_then(|by| RTMAX.checked_sub(by))
        } else {
            None
        };
        number
            .filter(|number| (RTMIN..=RTMAX).contains(number))
            .map(Self)
            .ok_or(())
    }
}

fn offset(rest: &str, sign: char) -> Option<u8> {
    if rest.is_empty() {
        Some(0)
    } else {
        rest.strip_prefix(sign)?.parse().ok()
    }
}

impl Serialize for Signal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Signal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse()
            .map_err(|()| serde::de::Error::custom("unknown signal name"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back_as_its_number() {
        for number in 1..=64 {
            let signal = Signal::new(number).unwrap();
            assert_eq!(signal.to_string().parse(), Ok(signal), "{number}");
        }
    }

    #[test]
    fn runtimes_spell_signals_in_many_ways() {
        for text in ["SIGTERM", "TERM", "term", "15", " 15 "] {
            assert_eq!(text.parse(), Ok(Signal::TERM), "{text}");
        }
        assert_eq!("SIGRTMIN+3".parse(), Ok(Signal::RTMIN_3));
        assert_eq!("RTMAX-1".parse(), Ok(Signal(63)));
        for text in [
            "", "0", "65", "SIGNOPE", "RTMIN+99", "RTMAX-64", "RTMIN-1", "SIG(0)", "SIG(65)",
            "SIG(33",
        ] {
            assert_eq!(text.parse::<Signal>(), Err(()), "{text}");
        }
    }
}
