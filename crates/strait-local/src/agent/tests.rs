use super::*;

#[tokio::test]
async fn an_agent_answers_adopts_its_last_state_and_stops() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().to_owned();
    let serving = tokio::spawn(async move { serve(AgentKind::Resolver, &path, Sum).await });
    let agent = Agent::new(AgentKind::Resolver, dir.path(), Path::new("/nonexistent"));
    wait_for(&agent).await;
    assert_eq!(agent.ensure().await.expect("found"), Found::Adopted);
    let sum: u32 = agent.apply(&vec![1, 2, 3]).await.expect("applied");
    assert_eq!(sum, 6);
    assert_eq!(agent.pid().await, i32::try_from(std::process::id()).ok());
    agent.stop().await.expect("stops");
    serving.await.expect("no panic").expect("orderly end");
    assert!(!AgentKind::Resolver.socket(dir.path()).exists());
    agent.stop().await.expect("stopping twice is a success");
}

#[tokio::test]
async fn what_is_no_request_is_refused_with_the_reason() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().to_owned();
    let serving = tokio::spawn(async move { serve(AgentKind::Resolver, &path, Sum).await });
    let agent = Agent::new(AgentKind::Resolver, dir.path(), Path::new("/nonexistent"));
    wait_for(&agent).await;
    let error = agent
        .apply::<_, u32>(&"no list")
        .await
        .expect_err("a text is no list of numbers");
    assert!(error.to_string().contains("invalid type"), "{error}");
    serving.abort();
}

#[tokio::test]
async fn a_second_agent_on_the_same_folder_is_refused_and_a_stale_socket_is_not_in_the_way() {
    let dir = tempfile::tempdir().expect("a folder");
    let socket = AgentKind::Resolver.socket(dir.path());
    drop(std::os::unix::net::UnixListener::bind(&socket).expect("a stale socket file"));
    assert!(socket.exists());
    let path = dir.path().to_owned();
    let serving = tokio::spawn(async move { serve(AgentKind::Resolver, &path, Sum).await });
    let agent = Agent::new(AgentKind::Resolver, dir.path(), Path::new("/nonexistent"));
    wait_for(&agent).await;
    let second = serve(AgentKind::Resolver, dir.path(), Sum).await;
    assert!(
        matches!(second, Err(LocalError::AgentRuns { .. })),
        "{second:?}"
    );
    serving.abort();
}

#[tokio::test]
async fn a_program_that_ends_at_once_is_reported_with_its_last_words() {
    let dir = tempfile::tempdir().expect("a folder");
    let program = dir.path().join("broken");
    fs::write(&program, "#!/bin/sh\necho no such luck >&2\nexit 3\n").expect("a script");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("executable");
    let agent = Agent::new(AgentKind::Forwarder, dir.path(), &program);
    let error = agent.ensure().await.expect_err("it ends at once");
    assert!(error.to_string().contains("no such luck"), "{error}");
}

#[test]
fn a_long_path_is_refused_before_the_kernel_does() {
    let long = PathBuf::from(format!("/{}", "x".repeat(107)));
    let error = check_socket_path(&long).expect_err("108 bytes");
    assert!(error.to_string().contains("108 bytes"), "{error}");
    check_socket_path(&PathBuf::from(format!("/{}", "x".repeat(106)))).expect("107 bytes");
}

struct Sum;

impl Duty for Sum {
    type State = Vec<u32>;
    type Answer = u32;

    async fn apply(&mut self, state: Vec<u32>) -> Result<u32, LocalError> {
        Ok(state.iter().sum())
    }
}

async fn wait_for(agent: &Agent) {
    for _ in 0..200 {
        if agent.hello().await.is_ok() {
            return;
        }
        sleep(Duration::from_millis(5)).await;
    }
    panic!("the agent never answered");
}
