//! What a daemon answers over HTTP.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use serde_json::Value;

use crate::{
    metrics::Metrics,
    report::Report,
    wait::{self, DEADLINE},
};

/// How long one answer may take.
const ANSWER: Duration = Duration::from_secs(10);

/// Where a daemon can be asked.
#[derive(Debug, Clone)]
pub struct Endpoint {
    address: SocketAddr,
}

impl Endpoint {
    /// One with an address and a port.
    pub fn at(address: &str) -> Self {
        Self {
            address: address.parse().unwrap(),
        }
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Status and body of an answer; `None` while nobody answers.
    pub fn get(&self, path: &str) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect_timeout(&self.address, ANSWER).ok()?;
        stream.set_read_timeout(Some(ANSWER)).unwrap();
        // By 1.0 the answer comes in one piece, and the connection ends with it.
        let request = format!("GET {path} HTTP/1.0\r\nHost: {}\r\n\r\n", self.address);
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some((status, body.to_owned()))
    }

    /// Waits until it traces, and has looked at what was there before.
    pub fn wait_until_ready(&self) {
        wait::until("the daemon is ready", || {
            self.get("/readyz").filter(|(status, _)| *status == 200)
        });
    }

    /// One scrape.
    pub fn metrics(&self) -> Metrics {
        let answer = self.get("/metrics");
        let (status, body) = answer.expect("the daemon answers");
        assert_eq!(status, 200, "{body}");
        Metrics::parse(&body)
    }

    /// Waits until the series of a counter with these labels add up to a value.
    pub fn wait_metric(&self, name: &str, labels: &[(&str, &str)], value: u64) {
        let look = || (self.metrics().count(name, labels) == value).then_some(());
        wait::within(DEADLINE, look).unwrap_or_else(|| {
            let metrics = self.metrics();
            let family = metrics.samples(name, &[]);
            panic!("{name} with {labels:?} is not {value}: {family:#?}");
        });
    }

    /// The stops that it remembers, the newest first, by a query such as `namespace=shop`.
    pub fn stops(&self, query: &str) -> Vec<Report> {
        let answer = self.get(&format!("/api/v1/stops?{query}"));
        let (status, body) = answer.expect("the daemon answers");
        assert_eq!(status, 200, "{body}");
        let told: Value = serde_json::from_str(&body).unwrap();
        let stops = told["stops"].as_array().unwrap();
        stops
            .iter()
            .map(|stop| Report::parse(&stop.to_string()))
            .collect()
    }
}
