//! A load generator for servers of AWS's Query protocol. It signs everything beforehand, then sends it over a number of
//! connections as fast as answers come.
//!
//! Takes one form a line from standard input, without `Version`, and prints one line of JSON: calls, refusals, seconds,
//! calls a second, and the times of a call. Keys are in `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, the endpoint in
//! `AWS_ENDPOINT_URL` (`http://ADDRESS:PORT`), the Region in `AWS_REGION`.
//!
//! `load [--connections N] [--seconds N] [--answers FILE]`: without `--seconds` each form is sent once; with it they are sent
//! round and round.

use std::error::Error;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use hmac::{Hmac, Mac};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Outcome<()> {
    let options = Options::read()?;
    let forms = std::io::stdin().lines().collect::<Result<Vec<_>, _>>()?;
    if forms.is_empty() {
        return Err("there is no form on standard input".into());
    }
    let requests: Vec<Vec<u8>> = forms.iter().map(|form| options.signed(form)).collect();
    let next = AtomicUsize::new(0);
    let answers = Mutex::new(options.answers.as_deref().map(File::create).transpose()?);
    let started = Instant::now();
    let until = options.seconds.map(|seconds| started + seconds);
    let work = || client(&options.address, &requests, &next, until, &answers);
    let parts: Vec<Outcome<Tally>> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..options.connections)
            .map(|_| scope.spawn(work))
            .collect();
        clients
            .into_iter()
            .map(|client| {
                client
                    .join()
                    .unwrap_or_else(|_| Err("a client panicked".into()))
            })
            .collect()
    });
    let seconds = started.elapsed().as_secs_f64();
    let mut whole = Tally::default();
    for part in parts {
        let part = part?;
        whole.refused += part.refused;
        whole.first_refusal = whole.first_refusal.or(part.first_refusal);
        whole.times.extend(part.times);
    }
    if let Some(refusal) = &whole.first_refusal {
        eprintln!("refused: {refusal}");
    }
    whole.times.sort();
    let calls = whole.times.len();
    let at = |part: f64| {
        let place = ((calls as f64 * part) as usize).min(calls.saturating_sub(1));
        whole
            .times
            .get(place)
            .map_or(0.0, |time| time.as_secs_f64() * 1000.0)
    };
    println!(
        "{{\"calls\":{calls},\"refused\":{},\"seconds\":{seconds:.3},\"rate\":{:.1},\"p50_ms\":{:.3},\"p99_ms\":{:.3},\"max_ms\":{:.3}}}",
        whole.refused,
        calls as f64 / seconds,
        at(0.5),
        at(0.99),
        at(1.0)
    );
    Ok(())
}

struct Options {
    address: String,
    region: String,
    key: String,
    secret: String,
    connections: usize,
    seconds: Option<Duration>,
    answers: Option<String>,
}

#[derive(Default)]
struct Tally {
    times: Vec<Duration>,
    refused: usize,
    first_refusal: Option<String>,
}

/// One client: takes the next request until there is none, or no time.
fn client(
    address: &str,
    requests: &[Vec<u8>],
    next: &AtomicUsize,
    until: Option<Instant>,
    answers: &Mutex<Option<File>>,
) -> Outcome<Tally> {
    let mut tally = Tally::default();
    let mut line = Line {
        address,
        stream: None,
    };
    loop {
        let turn = next.fetch_add(1, Ordering::Relaxed);
        let over = until.map_or(turn >= requests.len(), |until| Instant::now() >= until);
        if over {
            return Ok(tally);
        }
        let begun = Instant::now();
        let (status, body) = line.exchange(&requests[turn % requests.len()])?;
        tally.times.push(begun.elapsed());
        if status != 200 {
            tally.refused += 1;
            let refusal = || format!("{status} {}", String::from_utf8_lossy(&body));
            tally.first_refusal.get_or_insert_with(refusal);
        }
        if let Ok(mut answers) = answers.lock()
            && let Some(file) = answers.as_mut()
        {
            file.write_all(&body)?;
            file.write_all(b"\n")?;
        }
    }
}

/// A connection that is kept for as long as the server keeps it.
struct Line<'a> {
    address: &'a str,
    stream: Option<BufReader<TcpStream>>,
}

impl Line<'_> {
    fn exchange(&mut self, request: &[u8]) -> Outcome<(u16, Vec<u8>)> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => {
                let stream = TcpStream::connect(self.address)?;
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(Duration::from_secs(120)))?;
                BufReader::with_capacity(64 * 1024, stream)
            }
        };
        stream.get_mut().write_all(request)?;
        let mut head = String::new();
        stream.read_line(&mut head)?;
        let mut words = head.split_ascii_whitespace();
        let version = words.next().unwrap_or_default().to_owned();
        let status = words.next().unwrap_or_default().parse()?;
        let mut keep = version == "HTTP/1.1";
        let mut length = None;
        loop {
            head.clear();
            stream.read_line(&mut head)?;
            let Some((name, value)) = head.trim_end().split_once(':') else {
                break;
            };
            let value = value.trim();
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = Some(value.parse::<usize>()?),
                "connection" => keep = !value.eq_ignore_ascii_case("close"),
                _ => {}
            }
        }
        let mut body = Vec::new();
        match length {
            Some(length) => {
                body.resize(length, 0);
                stream.read_exact(&mut body)?;
            }
            None => {
                keep = false;
                stream.read_to_end(&mut body)?;
            }
        }
        self.stream = keep.then_some(stream);
        Ok((status, body))
    }
}

impl Options {
    fn read() -> Outcome<Self> {
        let variable = |name: &str| std::env::var(name).map_err(|_| format!("{name} is not set"));
        let url = variable("AWS_ENDPOINT_URL")?;
        let address = url
            .strip_prefix("http://")
            .ok_or("the endpoint is not http://")?;
        let mut options = Self {
            address: address.trim_end_matches('/').to_owned(),
            region: variable("AWS_REGION")?,
            key: variable("AWS_ACCESS_KEY_ID")?,
            secret: variable("AWS_SECRET_ACCESS_KEY")?,
            connections: 1,
            seconds: None,
            answers: None,
        };
        let mut arguments = std::env::args().skip(1);
        while let Some(name) = arguments.next() {
            let value = arguments
                .next()
                .ok_or_else(|| format!("{name} wants a value"))?;
            match name.as_str() {
                "--connections" => options.connections = value.parse()?,
                "--seconds" => options.seconds = Some(Duration::from_secs_f64(value.parse()?)),
                "--answers" => options.answers = Some(value),
                _ => return Err(format!("there is no option {name}").into()),
            }
        }
        Ok(options)
    }

    /// A whole HTTP request with this form.
    fn signed(&self, form: &str) -> Vec<u8> {
        let form = format!("{form}&Version=2016-11-15");
        let at = Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
        let digest = hex::encode(Sha256::digest(&form));
        let (address, names) = (&self.address, "host;x-amz-date");
        let canonical = format!("POST\n/\n\nhost:{address}\nx-amz-date:{at}\n\n{names}\n{digest}");
        let scope = format!("{}/{}/ec2/aws4_request", &at[..8], self.region);
        let to_sign = format!(
            "AWS4-HMAC-SHA256\n{at}\n{scope}\n{}",
            hex::encode(Sha256::digest(canonical))
        );
        let key = scope
            .split('/')
            .fold(format!("AWS4{}", self.secret).into_bytes(), |key, text| {
                mac(&key, text)
            });
        let signature = hex::encode(mac(&key, &to_sign));
        format!(
            "POST / HTTP/1.1\r\nHost: {address}\r\nX-Amz-Date: {at}\r\n\
             Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\nContent-Length: {}\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={signature}\r\n\r\n{form}",
            form.len(),
            self.key
        )
        .into_bytes()
    }
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}
