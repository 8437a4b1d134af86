//! Stop signals in the words of CRI.

use rinit_trace_core::model::Signal;
use serde::Deserialize;

/// CRI's numbers from 1 on, in alphabetical order (`enum Signal`): they are not Linux's.
const NAMES: [&str; 34] = [
    "ABRT", "ALRM", "BUS", "CHLD", "CHLD", "CONT", "FPE", "HUP", "ILL", "INT", "IO", "ABRT",
    "KILL", "PIPE", "IO", "PROF", "PWR", "QUIT", "SEGV", "STKFLT", "STOP", "SYS", "TERM", "TRAP",
    "TSTP", "TTIN", "TTOU", "URG", "USR1", "USR2", "VTALRM", "WINCH", "XCPU", "XFSZ",
];
/// CRI's SIGRTMIN; Linux's is 34, as C libraries count.
const RTMIN: u32 = 35;

/// The signal behind a number of CRI; `None` for 0, the runtime's default, and for none.
pub(super) fn signal(number: i32) -> Option<Signal> {
    let number = u32::try_from(number).ok()?;
    if number >= RTMIN {
        return Signal::new(number - 1);
    }
    let index = usize::try_from(number).ok()?.checked_sub(1)?;
    NAMES.get(index)?.parse().ok()
}

/// The stop signal in the JSON that runtimes tell of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OfImage {
    /// The image asks for this one.
    Asks(Signal),
    /// It asks for none.
    None,
    /// The JSON does not say, or asks for what is no signal.
    Unknown,
}

#[derive(Deserialize)]
struct Info {
    #[serde(rename = "imageSpec")]
    image_spec: Option<Spec>,
}

#[derive(Deserialize)]
struct Spec {
    config: Option<Config>,
}

#[derive(Deserialize)]
struct Config {
    #[serde(rename = "StopSignal")]
    stop_signal: Option<String>,
}

/// Reads `info` of a verbose `ImageStatus`, as containerd and CRI-O write it.
pub(super) fn of_image(info: &str) -> OfImage {
    let info: Option<Info> = serde_json::from_str(info).ok();
    let Some(config) = info
        .and_then(|info| info.image_spec)
        .and_then(|spec| spec.config)
    else {
        return OfImage::Unknown;
    };
    match config.stop_signal.as_deref() {
        None | Some("") => OfImage::None,
        Some(text) => text.parse().map_or(OfImage::Unknown, OfImage::Asks),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_of_cri_are_not_linuxs() {
        let name = |number| signal(number).map(|signal| signal.to_string());
        for (number, expected) in [
            (1, "SIGABRT"),
            (8, "SIGHUP"),
            (10, "SIGINT"),
            (13, "SIGKILL"),
            (18, "SIGQUIT"),
            (23, "SIGTERM"),
            (29, "SIGUSR1"),
            (30, "SIGUSR2"),
            (32, "SIGWINCH"),
            (34, "SIGXFSZ"),
            (35, "SIGRTMIN"),
            (38, "SIGRTMIN+3"),
            (65, "SIGRTMIN+30"),
        ] {
            assert_eq!(name(number).as_deref(), Some(expected), "{number}");
        }
        for number in [0, -1, 66, i32::MAX, i32::MIN] {
            assert_eq!(signal(number), None, "{number}");
        }
    }

    #[test]
    fn an_image_asks_for_one_for_none_or_does_not_say() {
        let config = |config: &str| of_image(&format!(r#"{{"imageSpec":{{"config":{config}}}}}"#));
        assert_eq!(
            config(r#"{"StopSignal":"SIGUSR1"}"#),
            OfImage::Asks(Signal::USR1)
        );
        assert_eq!(config(r#"{"StopSignal":"3"}"#), OfImage::Asks(Signal::QUIT));
        assert_eq!(config(r#"{"Cmd":["x"]}"#), OfImage::None);
        assert_eq!(config(r#"{"StopSignal":""}"#), OfImage::None);
        assert_eq!(config(r#"{"StopSignal":"SIGNAL"}"#), OfImage::Unknown);
        for info in [
            "",
            "{}",
            "[]",
            "null",
            r#"{"imageSpec":null}"#,
            "{\"imageSpec\":{}}",
        ] {
            assert_eq!(of_image(info), OfImage::Unknown, "{info}");
        }
    }

    proptest! {
        #[test]
        fn any_text_of_an_image_is_survived(text in "(?s).*") {
            let _ = of_image(&text);
            let _ = of_image(&format!(r#"{{"imageSpec":{{"config":{{"StopSignal":"{text}"}}}}}}"#));
        }
    }
}
