use super::*;

fn initial() -> Initial {
    Initial {
        listen: "127.0.0.1:8443".parse().expect("an address"),
        public_url: "https://127.0.0.1:8443".into(),
        bus_url: "tls://127.0.0.1:4222".into(),
        advertise: vec!["tls://10.77.0.1:4222".into()],
    }
}

fn read(text: &str) -> Result<Config, BadConfig> {
    Config::parse(text, Path::new("/var/lib/viworks"), |_| None)
}

fn problems(text: &str) -> Vec<String> {
    read(text).expect_err("problems").0.into_iter().map(|problem| problem.at).collect()
}

#[test]
fn what_init_writes_reads_back() {
    let config = read(&initial().to_toml()).expect("good");
    assert_eq!(config.listen, initial().listen);
    assert_eq!(config.bus.advertise, initial().advertise);
    assert_eq!(config.database, "sqlite:///var/lib/viworks/db/projections.sqlite");
}

#[test]
fn every_problem_is_named_at_once() {
    let text = "listen = 5\npublic_url = \"http://x\"\ncolour = 1\n[bus]\nurls = []\nadvertise = [\"x\"]\n\
                [limits]\nsign_ins_per_minute = 0\nper_day = 3\n";
    let mut found = problems(text);
    found.sort();
    assert_eq!(
        found,
        [
            "bus.advertise",
            "bus.urls",
            "colour",
            "limits.per_day",
            "limits.sign_ins_per_minute",
            "listen",
            "public_url"
        ]
    );
}

#[test]
fn the_environment_goes_before_the_file_and_is_named_when_wrong() {
    let env = |name: &str| (name == "VIWORKS_LISTEN").then(|| "0.0.0.0:1".to_owned());
    let config = Config::parse(&initial().to_toml(), Path::new("/x"), env).expect("good");
    assert_eq!(config.listen.port(), 1);
    let env = |name: &str| (name == "VIWORKS_LISTEN").then(|| "nowhere".to_owned());
    let bad = Config::parse(&initial().to_toml(), Path::new("/x"), env).expect_err("bad");
    assert_eq!(bad.0[0].at, "VIWORKS_LISTEN");
}

#[test]
fn a_sign_in_lasts_from_five_seconds_to_seven_days() {
    let lasts = |text: &str| {
        let env = |name: &str| (name == "VIWORKS_OPERATORS_SIGN_IN_SECONDS").then(|| text.to_owned());
        let config = Config::parse(&initial().to_toml(), Path::new("/x"), env);
        config.map(|config| config.operators.sign_in_lasts.as_secs()).map_err(|bad| bad.0[0].at.clone())
    };
    assert_eq!(read(&initial().to_toml()).expect("good").operators.sign_in_lasts.as_secs(), 43_200);
    assert_eq!((lasts("5"), lasts("604800")), (Ok(5), Ok(604_800)));
    for wrong in ["4", "604801", "0", "-1", "12h", ""] {
        assert_eq!(lasts(wrong), Err("VIWORKS_OPERATORS_SIGN_IN_SECONDS".to_owned()), "{wrong}");
    }
    let set = "\n[operators]\nsign_in_seconds = 3\n";
    assert_eq!(problems(&initial().to_toml().replace("\n[operators]\n", set)), ["operators.sign_in_seconds"]);
}

#[test]
fn a_file_that_is_no_toml_is_one_problem() {
    assert_eq!(problems("listen = = 3"), [FILE]);
}

#[test]
fn public_urls_are_https_without_a_path() {
    for right in ["https://vw.example", "https://10.0.0.1:8443/", "https://[::1]:8443", "https://[::1]"] {
        assert!(public_url(right).is_some(), "{right}");
    }
    for wrong in
        ["http://vw.example", "https://", "https://a/b", "https://a:0", "https://a:99999", "https://a b"]
    {
        assert!(public_url(wrong).is_none(), "{wrong}");
    }
    assert_eq!(host("https://[::1]:8443"), "::1");
    assert_eq!(host("https://vw.example:8443"), "vw.example");
}

#[test]
fn the_certificate_is_for_every_way_to_the_listener() {
    let names = |listen: &str, url| Config::https_names(listen.parse().expect("an address"), url);
    assert_eq!(names("10.77.0.1:8443", "https://10.77.0.1:8443"), ["10.77.0.1"]);
    assert_eq!(names("127.0.0.1:1", "https://vw.example"), ["vw.example", "127.0.0.1", "localhost"]);
    assert_eq!(names("0.0.0.0:1", "https://vw.example"), ["vw.example", "localhost", "127.0.0.1"]);
}
