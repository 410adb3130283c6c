//! The program: composes the crates and dispatches the CLI's verbs.

mod admin;
mod args;
mod backup;
mod calling;
mod cloud;
mod config;
mod customers;
mod data;
mod down;
mod env;
mod inside;
mod listen;
mod local_api;
mod log;
mod quota;
mod running;
mod serve;
mod server;
mod store;
mod test_hooks;
mod tls;
mod up;
mod verbs;

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{CommandFactory, Parser};

use args::{AdminCommand, AgentName, Cli, Command, ServiceCommand, Whose};
use data::DataDir;

fn main() -> ExitCode {
    let cli = Cli::parse();
    #[cfg(feature = "failpoints")]
    test_hooks::stop_at_steps();
    match run(cli) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("Error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// No runtime and no thread is made before the verbs that enter namespaces have done so.
fn run(cli: Cli) -> Result<u8> {
    // Only those that have one: service managers give a server no home to keep it in.
    let data = || DataDir::locate(cli.data_dir.as_deref());
    let context = || Ok::<_, anyhow::Error>(verbs::Context::new(data()?.credentials_path()));
    match cli.command {
        Command::Server(options) => server::server(&options),
        Command::Up(options) => up::up(&data()?, &options).map(|()| 0),
        Command::Down => down::down(&data()?).map(|()| 0),
        Command::StopServices => down::stop_services(&data()?).map(|()| 0),
        Command::Status(options) => {
            down::status(&data()?, options.output).map(|runs| if runs { 0 } else { 3 })
        }
        Command::Backup { file } => backup::back_up(&data()?, &file).map(|()| 0),
        Command::Restore { file } => backup::restore(&data()?, &file).map(|()| 0),
        Command::Env(options) => blocking(env::env(&data()?, &options)).map(|()| 0),
        Command::AwsQuota(options) => blocking(quota::quota(&data()?, &options)).map(|()| 0),
        Command::Exec(options) => {
            inside::exec(&data()?, &options.instance, &options.command).map(exit_code)
        }
        Command::Service(ServiceCommand::Connect(options)) => connect(&data()?, &options),
        Command::Admin(AdminCommand::Bootstrap(options)) => admin::bootstrap(&options),
        Command::Admin(AdminCommand::Key(command)) => admin::key(&command),
        Command::Admin(AdminCommand::Verb(verb)) => {
            blocking(verbs::admin::run(verb, &context()?)).map(|()| 0)
        }
        Command::Service(ServiceCommand::Verb(verb)) => {
            blocking(verbs::service::run(verb, &context()?)).map(|()| 0)
        }
        Command::Reach(options) => {
            blocking(env::reach(&data()?, &options)).map(|reached| u8::from(!reached))
        }
        Command::IamPolicy { whose } => {
            print!("{}", policy(whose));
            Ok(0)
        }
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "strait", &mut std::io::stdout());
            Ok(0)
        }
        Command::Agent { kind, run_dir } => {
            log::start(log::Into::StandardOutput, log::Format::of_environment()?);
            match kind {
                AgentName::Resolver => strait_local::resolver::run(&run_dir)?,
                AgentName::Forwarder => strait_local::forwarder::run(&run_dir)?,
            }
            Ok(0)
        }
        Command::Verb(verb) => blocking(verbs::run(verb, &context()?)).map(|()| 0),
    }
}

/// The policies are beside the code whose calls they allow.
fn policy(whose: Whose) -> &'static str {
    match whose {
        Whose::Operator => include_str!("../../strait-aws/policies/operator.json"),
        Whose::Customer => include_str!("../../strait-aws/policies/customer.json"),
    }
}

fn connect(data: &DataDir, options: &args::Connect) -> Result<u8> {
    let found = blocking(env::find_connection(data, options))?;
    inside::psql(data, options.from.as_deref(), &found, &options.psql).map(exit_code)
}

fn blocking<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(future)
}

/// An exit status of another program, passed on; one that does not fit is a plain failure.
fn exit_code(status: i32) -> u8 {
    u8::try_from(status).unwrap_or(1)
}
