use proptest::prelude::*;

use super::words::mask;

fn masked(arguments: &[&str]) -> Vec<String> {
    let mut arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
    mask(&mut arguments);
    arguments
}

#[test]
fn what_is_no_secret_stays() {
    let cases: [&[&str]; 12] = [
        &["nginx", "-g", "daemon off;"],
        &[
            "java",
            "-Xmx512m",
            "-jar",
            "/app.jar",
            "--server.port",
            "8080",
        ],
        &["sh", "-c", "sleep 1000; echo done"],
        &[
            "bash",
            "-ec",
            "trap 'kill -TERM \"$child\"; wait' TERM\nfind . -name '*.c' | xargs wc -l && it's",
        ],
        &["tini", "-g", "--", "/usr/bin/server", "-v"],
        &["/pause"],
        &["git", "clone", "git@github.com:shop/web.git"],
        &["git", "clone", "ssh://git@github.com/shop/web.git"],
        &[
            "docker",
            "run",
            "-p",
            "80:80",
            "-v",
            "/a b:/c",
            "shop/web:1.4",
        ],
        &["npx", "https://registry.npmjs.org/@scope/pkg"],
        &["mysqld", "--port", "3306"],
        &["", " ", "'", "\"", "\\", "a\\ b"],
    ];
    for arguments in cases {
        assert_eq!(masked(arguments), arguments);
    }
}

/// Words with one space between them are arguments.
fn masked_words(words: &str) -> String {
    let arguments: Vec<&str> = words.split(' ').collect();
    masked(&arguments).join(" ")
}

#[test]
fn values_of_options_and_variables_are_masked() {
    for (words, shown) in [
        (
            "app --password=x --port=80 -Da.b=c --empty=",
            "app --password=*** --port=*** -Da.b=*** --empty=",
        ),
        (
            "env A=b B= cmd --password -x --token --api-key y",
            "env A=*** B= cmd --password *** --token *** ***",
        ),
        (
            "app redis://:p@h/0 postgres://u:p/w@q@h/db https://t@h/x.git?a=b",
            "app redis://:***@h/0 postgres://u:***@h/db https://***@h/x.git?a=***",
        ),
        ("curl -sSu u:p -H x-token:y", "curl -sSu *** -H x-token:***"),
    ] {
        assert_eq!(masked_words(words), shown);
    }
    // Nothing marks where a value ends.
    assert_eq!(
        masked(&["A=b c", "X-Api-Key: k e y", r#"{"a":"b","token": "c d"}"#]),
        ["A=***", "X-Api-Key:***", r#"{"a":"b","token":***"#]
    );
}

#[test]
fn scripts_are_masked_inside() {
    let script = |text: &str| masked(&["sh", "-c", text]).pop().unwrap();
    for (text, shown) in [
        (
            "A=1 B=\"2 3\" exec app --token 4 -v",
            "A=*** B=*** exec app --token *** -v",
        ),
        ("mysql -uroot -p'x y' db", "mysql -uroot -p*** db"),
        ("[ \"$a\" = secret ] && run", "[ \"$a\" = *** ] && run"),
        (
            "curl -H \"Authorization: Bearer x\" u",
            "curl -H \"Authorization:***\" u",
        ),
        (
            "psql -c \"alter user a password 'x y'\" db",
            "psql -c \"alter user a password ***\" db",
        ),
        (
            "bash -c 'run --key \"b c\"; sleep 1'; sleep 2",
            "bash -c 'run --key ***; sleep 1'; sleep 2",
        ),
        (
            r#"bash -c "app --token \"a b\" -v""#,
            r#"bash -c "app --token *** -v""#,
        ),
        ("\"mysql -psecret; A=b\" c", "\"mysql -p*** A=***\" c"),
    ] {
        assert_eq!(script(text), shown, "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_makes_it_panic_or_grow_without_end(
        arguments in proptest::collection::vec(
            prop_oneof![any::<String>(), "[-a-z='\"\\\\ ;:@/$(é]{0,40}", Just("sh".to_owned()), Just("-c".to_owned())],
            0..6,
        ),
    ) {
        let before: usize = arguments.iter().map(String::len).sum();
        let mut after = arguments.clone();
        mask(&mut after);
        prop_assert_eq!(after.len(), arguments.len());
        let after: usize = after.iter().map(String::len).sum();
        prop_assert!(after <= 8 * (before + arguments.len()), "{:?}", arguments);
    }
}
