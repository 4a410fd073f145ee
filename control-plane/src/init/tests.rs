use super::*;
use std::os::unix::fs::MetadataExt as _;

fn options(data: &Path) -> Options {
    Options {
        data: data.to_owned(),
        listen: "127.0.0.1:8443".parse().expect("an address"),
        public_url: "https://127.0.0.1:8443".into(),
        nats_listen: "127.0.0.1:4222".parse().expect("an address"),
        advertise_nats: vec!["10.77.0.1:4222".into()],
    }
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).expect("a directory").map(|entry| entry.expect("an entry").path());
    entries
        .flat_map(|path| if path.is_dir() { [vec![path.clone()], files(&path)].concat() } else { vec![path] })
        .collect()
}

#[test]
fn everything_that_serve_needs_is_there_and_closed() {
    let temp = tempfile::tempdir().expect("a directory");
    let data = temp.path().join("a/b");
    let made = run(&options(&data)).expect("made");

    let state = StateDir::open(&data).expect("closed");
    let (root, _) = RootKey::load(&state).expect("a root key");
    assert!(!root.looks_weak());
    let keys = Keys::derive(&root);
    let trust = GatewayTrust::load(&state, &keys.gateway_commands.verifying_key(), clock::now());
    assert!(trust.is_ok(), "{trust:?}");
    assert_eq!(log_identity::read(&state).expect("an identity").log_id.to_string(), made.log_id);
    let authorities = Authorities::load(&state).expect("authorities");
    assert_eq!(data_encoding::HEXLOWER.encode(&authorities.https.fingerprint().0), made.ca_fingerprint);
    let config = config::Config::load(&data).expect("good configuration");
    assert_eq!(config.bus.advertise, ["tls://10.77.0.1:4222"]);

    for path in files(&data) {
        let mode = fs::metadata(&path).expect("there").mode() & 0o777;
        let public = path.extension().is_some_and(|end| end == "pem");
        assert!(mode & 0o077 == 0 || (public && mode == 0o644), "{} has mode {mode:o}", path.display());
    }
    let conf = fs::read_to_string(made.nats_conf).expect("a configuration");
    assert!(conf.contains(&format!("{}/nats/", data.display())), "{conf}");
    assert!(!conf.contains(".viworks-init-"), "{conf}");
}

#[test]
fn a_directory_that_holds_something_is_left_alone() {
    let temp = tempfile::tempdir().expect("a directory");
    fs::write(temp.path().join("mine"), "x").expect("written");
    assert!(matches!(run(&options(temp.path())), Err(InitError::NotEmpty(_))));
    assert_eq!(files(temp.path()).len(), 1);
}

#[test]
fn wrong_options_are_all_named_and_nothing_is_made() {
    let temp = tempfile::tempdir().expect("a directory");
    let data = temp.path().join("state");
    let wrong = Options {
        public_url: "http://x".into(),
        advertise_nats: vec!["x".into(), "y:0".into()],
        ..options(&data)
    };
    let Err(InitError::BadOptions(problems)) = run(&wrong) else { panic!("expected wrong options") };
    assert_eq!(problems.len(), 3);
    assert!(!data.exists());
}
