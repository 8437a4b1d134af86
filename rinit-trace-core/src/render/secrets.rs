//! No rendering of a report shows a secret that its arguments hold, once they are masked.

use proptest::{prelude::*, sample::select};

use super::{TextOptions, event_note, json, jsonl, samples, text};
use crate::{
    arguments::limit,
    model::{Arguments, StopReport},
};

/// Command lines as people write them, with `@@` where the secret is.
const COMMAND_LINES: &[&[&str]] = &[
    &["mysqld", "--init-password=@@"],
    &["mysqldump", "-uroot", "-p@@", "shop"],
    &["/usr/bin/mariadb", "--user", "root", "--password", "@@"],
    &["redis-server", "*:6379", "--requirepass", "@@"],
    &["redis-cli", "-h", "cache", "-a", "@@", "PING"],
    &["mongod", "--auth", "--keyFile", "/key"],
    &["mongosh", "mongodb://root:@@@mongo:27017/admin?tls=true"],
    &["mongodump", "-u", "root", "-p", "@@"],
    &["psql", "postgres://shop:@@@db:5432/shop?sslmode=require"],
    &["psql", "host=db user=shop password=@@ dbname=shop"],
    &["psql", "-c", "ALTER USER shop WITH PASSWORD '@@'"],
    &["env", "PGPASSWORD=@@", "psql", "-h", "db"],
    &["docker", "run", "-e", "TOKEN=@@ and more of it: @@", "shop"],
    &[
        "java",
        "-Dspring.datasource.password=@@",
        "-jar",
        "/app.jar",
    ],
    &["keytool", "-storepass", "@@", "-list"],
    &["curl", "-u", "shop:@@", "https://api.example/v1"],
    &["curl", "-sSfu", "shop:@@", "https://api.example/v1"],
    &[
        "curl",
        "-H",
        "Authorization: Bearer @@",
        "https://api.example",
    ],
    &["curl", "-H", "x-api-key:@@", "https://api.example"],
    &[
        "curl",
        "--data",
        "{\"user\": \"a\", \"password\": \"@@ b\"}",
        "https://api.example",
    ],
    &["curl", "https://api.example/v1?token=@@&page=1"],
    &["git", "clone", "https://@@@github.com/shop/web.git"],
    &[
        "git",
        "-c",
        "http.extraHeader=AUTHORIZATION: basic @@",
        "fetch",
    ],
    &["ldapsearch", "-x", "-D", "cn=admin", "-w", "@@"],
    &["sshpass", "-p", "@@", "ssh", "host"],
    &["openssl", "rsa", "-in", "/key", "-passin", "pass:@@"],
    &["vault", "server", "-dev", "-dev-root-token-id", "@@"],
    &["minio", "server", "--secretKey", "@@"],
    &["node", "server.js", "--apiKey", "@@", "--port", "80"],
    &["app", "--db-dsn", "shop:@@@tcp(db:3306)/shop"],
    &["app", "shop:@@@tcp(db:3306)/shop?parseTime=true"],
    &["app", "--config", "{\"auth\":{\"token\":\"@@\"}}"],
    &["python3", "-c", "connect(password = '@@')"],
    &["sh", "-c", "exec app --token @@ --port 80"],
    &[
        "/bin/bash",
        "-euo",
        "pipefail",
        "-c",
        "export A=1; DB_PASSWORD='@@' exec app",
    ],
    &[
        "sh",
        "-c",
        "curl -fsS -H \"Authorization: Bearer @@\" https://api.example | sh",
    ],
    &[
        "tini",
        "--",
        "sh",
        "-c",
        "mysql -uroot -p\"@@\" <init.sql && exec mysqld",
    ],
    &["sh", "-c", "sh -c 'app --password \"@@\"'; sleep 1"],
    &[
        "sh",
        "-c",
        "bash -lc \"app --secret \\\"@@\\\" -v\" && exit",
    ],
    &[
        "sh",
        "-c",
        "git clone \"https://ci:@@@git.example/a.git\" /src && make",
    ],
    &["sh", "-c", "echo \"token: @@\" >/etc/app.yaml; exec app"],
    &["postgres: shop: password=@@"],
];

/// A report with this command line everywhere.
fn with(arguments: &[String]) -> StopReport {
    let mut report = samples::shell_without_trap();
    report.workload.init.cmdline = Some(arguments.to_vec());
    for process in &mut report.processes {
        process.cmdline = Some(arguments.to_vec());
    }
    report
}

fn renderings(report: &StopReport) -> String {
    let plain = text(report, &TextOptions { color: false });
    let colored = text(report, &TextOptions { color: true });
    let note = event_note(report, 1024);
    plain + &colored + &note + &json(report).unwrap() + &jsonl(report).unwrap()
}

fn filled(command_line: &[&str], secret: &str) -> Vec<String> {
    let words = command_line.iter();
    words.map(|word| word.replace("@@", secret)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_secret_of_a_command_line_survives(
        command_line in select(COMMAND_LINES),
        // Of what shells and JSON take as it is, and people put into URLs.
        secret in "[A-Za-z0-9+/=@,_.~!^*%#-]{8,40}",
    ) {
        // Long enough that nothing else is so by chance.
        let secret = format!("Zq9{secret}9qZ");
        let arguments = filled(command_line, &secret);
        for shown in [Arguments::Masked, Arguments::None] {
            let mut report = with(&arguments);
            limit(&mut report, shown);
            let all = renderings(&report);
            for part in [&secret[..3], &secret[secret.len() - 3..], &secret[4..10]] {
                prop_assert!(!all.contains(part), "{:?} of {:?} in {}", part, arguments, all);
            }
        }
    }

    /// One argument is one, whatever is in it.
    #[test]
    fn no_secret_of_an_option_survives_whatever_it_is(secret in "[ -~äß]{4,20}", at in 0..4_usize) {
        let secret = format!("Zq9{secret}9qZ");
        let option = ["--password=@@", "DB_TOKEN=@@", "X-Api-Key: @@", "--token"][at];
        let arguments = ["app", option, "@@", "-v"].map(|word| word.replace("@@", &secret));
        let arguments = &arguments[..if at == 3 { 4 } else { 2 }];
        let mut report = with(arguments);
        limit(&mut report, Arguments::Masked);
        let all = renderings(&report);
        prop_assert!(!all.contains("Zq9") && !all.contains("9qZ"), "{:?} in {}", arguments, all);
    }
}

#[test]
fn a_report_says_how_much_of_arguments_it_shows() {
    let arguments = filled(&["app", "--password=@@"], "secret");
    let shown = |report: &StopReport| {
        let value: serde_json::Value = serde_json::from_str(&json(report).unwrap()).unwrap();
        let cmdline = value["processes"][0]["cmdline"].clone();
        (value["observation"]["arguments"].clone(), cmdline)
    };
    let mut report = with(&arguments);
    limit(&mut report, Arguments::Full);
    assert_eq!(
        shown(&report),
        ("full".into(), serde_json::json!(arguments))
    );
    limit(&mut report, Arguments::Masked);
    let masked = (
        "masked".into(),
        serde_json::json!(["app", "--password=***"]),
    );
    assert_eq!(shown(&report), masked);
    // What is masked does not come back.
    limit(&mut report, Arguments::Full);
    assert_eq!(shown(&report), masked);
    let plain = text(&report, &TextOptions::default());
    assert!(plain.contains("app --password=***"), "{plain}");
    assert!(plain.contains(", arguments masked\n"), "{plain}");
    limit(&mut report, Arguments::None);
    assert_eq!(shown(&report), ("none".into(), serde_json::Value::Null));
    limit(&mut report, Arguments::Masked);
    assert_eq!(shown(&report), ("none".into(), serde_json::Value::Null));
}

/// From before the field: nothing is known, and nothing was masked.
#[test]
fn an_older_report_reads_back_and_is_masked() {
    let arguments = filled(&["app", "--password=@@"], "secret");
    let mut value = serde_json::to_value(with(&arguments)).unwrap();
    value["observation"]
        .as_object_mut()
        .unwrap()
        .remove("arguments");
    let mut report: StopReport = serde_json::from_value(value).unwrap();
    assert_eq!(report.observation.arguments, None);
    limit(&mut report, Arguments::Full);
    assert_eq!(report.observation.arguments, None);
    assert!(json(&report).unwrap().contains("\"arguments\": null"));
    limit(&mut report, Arguments::Masked);
    assert_eq!(report.observation.arguments, Some(Arguments::Masked));
    assert!(!renderings(&report).contains("secret"));
}
