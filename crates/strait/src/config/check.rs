//! What single values must be.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use reqwest::Url;
use strait_http::Readers;
use x509_parser::pem::Pem;

use super::{Authority, CloudKind, Secret};

/// The port of DNS servers.
const DNS: u16 = 53;

/// The longest domain whose services' names fit into DNS: `SERVICE.PROJECT.public.` stands before it.
const DOMAIN_LENGTH: usize = 253 - "kd9w2xp4mz.rp1pz7uyae.public.".len();

/// The shortest key that opens everything: 128 bits in hexadecimal digits.
const KEY_LENGTH: usize = 32;

/// A DNS name of at least two labels, in lower case.
pub(super) fn domain(text: &str) -> Result<String, String> {
    let domain = text.trim_end_matches('.').to_ascii_lowercase();
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
    };
    if domain.len() > DOMAIN_LENGTH {
        return Err(format!(
            "it has {} characters; services' names fit into DNS below one of at most {DOMAIN_LENGTH}",
            domain.len()
        ));
    }
    if !domain.contains('.') || !domain.split('.').all(label) {
        return Err(format!(
            "{text:?} is no domain; give the one below which services get their names, as in db.example.com"
        ));
    }
    Ok(domain)
}

/// Certificates, and no key: anybody may read what is here.
pub(super) fn authority(path: PathBuf, pem: String) -> Result<Authority, String> {
    if pem.contains("PRIVATE KEY-----") {
        return Err(format!(
            "{} holds a private key, and everybody may read what is in this file; name one with certificates only",
            path.display()
        ));
    }
    let certificates = pem.matches("-----BEGIN CERTIFICATE-----").count();
    if certificates == 0 {
        return Err(not_certificates(&path, "it holds none"));
    }
    let mut read = 0;
    for block in Pem::iter_from_buffer(pem.as_bytes()) {
        read += 1;
        let why = match &block {
            Ok(block) => block.parse_x509().err().map(|error| error.to_string()),
            Err(error) => Some(error.to_string()),
        };
        if let Some(why) = why {
            let what = format!("certificate {read} of {certificates} is none ({why})");
            return Err(not_certificates(&path, &what));
        }
    }
    // A block without an end is left out by whoever reads them.
    if read != certificates {
        let what = format!("it begins {certificates} certificates and ends {read}");
        return Err(not_certificates(&path, &what));
    }
    Ok(Authority { path, pem })
}

fn not_certificates(path: &Path, why: &str) -> String {
    format!(
        "{} is no list of certificates in PEM: {why}; for RDS, get https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem",
        path.display()
    )
}

/// An address; one that is not on loopback takes TLS.
pub(super) fn listen(text: &str, has_tls: bool) -> Result<SocketAddr, String> {
    let Ok(address) = text.parse::<SocketAddr>() else {
        return Err(format!(
            "{text:?} is no address with a port, as in 127.0.0.1:8470"
        ));
    };
    if !address.ip().is_loopback() && !has_tls {
        return Err(format!(
            "{address} is not on loopback, and no certificate is given: keys would cross the network in the clear. Give \
             http.certificate_file and http.certificate_key_file; or listen on 127.0.0.1, and let a proxy on this machine \
             that ends TLS (Caddy, nginx) pass requests on"
        ));
    }
    Ok(address)
}

/// The name that a proxy ends TLS for, which is in vain where TLS ends here.
pub(super) fn behind_tls(text: &str, has_tls: bool) -> Result<String, String> {
    if has_tls {
        return Err("http.certificate_file is given too, so that TLS ends here and no proxy's word is taken; give one of both".to_owned());
    }
    domain(text).map_err(|_| {
        format!("{text:?} is no name of a host; give the one that browsers use, as in strait.example.com")
    })
}

/// A key that cannot be guessed.
pub(super) fn admin_key(text: &str) -> Result<Secret, String> {
    if !text.bytes().all(|b| b.is_ascii_graphic()) {
        return Err("it may hold visible ASCII characters only, and no space; make one: openssl rand -hex 32".to_owned());
    }
    if text.len() < KEY_LENGTH {
        return Err(format!(
            "it has {} characters, and opens everything: give at least {KEY_LENGTH}; make one: openssl rand -hex 32",
            text.len()
        ));
    }
    Ok(Secret::new(text.to_owned()))
}

/// Who may read the metrics.
pub(super) fn readers(text: &str) -> Result<Readers, String> {
    match text {
        "operator" => Ok(Readers::Operator),
        "open" => Ok(Readers::Anybody),
        _ => Err(format!(
            "{text:?} is nobody; \"operator\": who has the admin key, or \"open\": whoever reaches the server"
        )),
    }
}

/// A cloud that Strait knows.
pub(super) fn cloud_kind(text: &str) -> Result<CloudKind, String> {
    match text {
        "aws" => Ok(CloudKind::Aws),
        _ => Err(format!(
            "{text:?} is no cloud that a server can use; there is \"aws\". The local cloud is started with `strait up`"
        )),
    }
}

/// Regions, at least one, none twice; in the order that they were given in.
pub(super) fn regions(items: &[String]) -> Result<Vec<String>, String> {
    if items.is_empty() {
        return Err("it is empty; give at least one Region, as in \"eu-west-1\"".to_owned());
    }
    let mut seen = BTreeSet::new();
    for item in items {
        if !is_region(item) {
            return Err(format!(
                "{item:?} is no Region of AWS's; give names as in eu-west-1 (`aws ec2 describe-regions` lists them)"
            ));
        }
        if !seen.insert(item) {
            return Err(format!("{item} is there twice; give it once"));
        }
    }
    Ok(items.to_vec())
}

/// Where AWS's APIs are.
pub(super) fn endpoint_url(text: &str) -> Result<String, String> {
    let good = text.parse::<Url>().is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    });
    if !good {
        // Not shown: somebody may have written a password into it.
        return Err("it is no plain URL of http or https, as in http://127.0.0.1:5000; leave it out for AWS's own addresses".to_owned());
    }
    Ok(text.to_owned())
}

/// The ARN of a role.
pub(super) fn role(text: &str) -> Result<String, String> {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let good = matches!(
        parts.as_slice(),
        ["arn", partition, "iam", "", account, role]
            if partition.starts_with("aws")
                && account.len() == 12
                && account.bytes().all(|b| b.is_ascii_digit())
                && role.strip_prefix("role/").is_some_and(|name| !name.is_empty())
    );
    if !good {
        return Err(format!(
            "{text:?} is no ARN of a role, as in arn:aws:iam::123456789012:role/strait (`aws iam get-role` shows it)"
        ));
    }
    Ok(text.to_owned())
}

/// The id of a hosted zone.
pub(super) fn zone(text: &str) -> Result<String, String> {
    let good = text.len() <= 32
        && text.starts_with('Z')
        && text
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    if !good {
        return Err(format!(
            "{text:?} is no id of a hosted zone, as in Z0123456789ABCDEFGHIJ, without /hostedzone/ \
             (`aws route53 list-hosted-zones` lists them)"
        ));
    }
    Ok(text.to_owned())
}

/// DNS servers, each with its port.
pub(super) fn nameservers(items: &[String]) -> Result<Vec<SocketAddr>, String> {
    let server = |item: &String| {
        let alone = item.parse().map(|ip: IpAddr| SocketAddr::new(ip, DNS));
        alone.or_else(|_| item.parse()).map_err(|_| {
            format!(
                "{item:?} is no address of a DNS server; give addresses as in 10.0.0.2 or 10.0.0.2:53, or leave it out for the machine's own resolver"
            )
        })
    };
    items.iter().map(server).collect()
}

/// Words, the first of two letters, and a number: `us-gov-west-1`.
fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [first, middle @ .., last] = parts.as_slice() else {
        return false;
    };
    let word = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase());
    first.len() == 2
        && word(first)
        && !middle.is_empty()
        && middle.iter().all(word)
        && (1..=2).contains(&last.len())
        && last.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains() {
        assert_eq!(domain("DB.Example.com.").as_deref(), Ok("db.example.com"));
        assert!(domain(&format!("{}.com", "a.".repeat(109) + "b")).is_ok());
        for bad in [
            "",
            "db",
            "db example.com",
            "-a.com",
            "a..com",
            "https://a.com",
            &format!("{}com", "a.".repeat(111)),
        ] {
            assert!(domain(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn listeners_stay_on_loopback_and_say_why() {
        for good in ["127.0.0.1:8470", "[::1]:8470", "127.0.0.1:0"] {
            assert!(listen(good, false).is_ok(), "{good}");
        }
        for wide in ["0.0.0.0:8470", "10.0.0.1:8470", "[::]:8470"] {
            let why = listen(wide, false).expect_err(wide);
            assert!(why.contains("TLS"), "{why}");
            assert!(listen(wide, true).is_ok(), "{wide}");
        }
        assert!(listen("localhost", true).is_err());
    }

    #[test]
    fn metrics_are_for_the_operator_or_for_anybody() {
        assert_eq!(readers("operator"), Ok(Readers::Operator));
        assert_eq!(readers("open"), Ok(Readers::Anybody));
        for bad in ["", "yes", "anybody"] {
            assert!(readers(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_proxy_ends_tls_for_a_name_unless_it_ends_here() {
        let name = "strait.example.com";
        assert_eq!(behind_tls(name, false).as_deref(), Ok(name));
        for wrong in ["true", "https://strait.example.com", "", "10.0.0.1:443"] {
            assert!(behind_tls(wrong, false).is_err(), "{wrong}");
        }
        let why = behind_tls(name, true).expect_err("both");
        assert!(why.contains("certificate_file"), "{why}");
    }

    #[test]
    fn regions_are_spelt_as_awss() {
        let list = |items: &[&str]| {
            regions(
                &items
                    .iter()
                    .map(|item| (*item).to_owned())
                    .collect::<Vec<_>>(),
            )
        };
        assert!(list(&["us-east-1", "eu-west-1", "us-gov-west-1", "ap-southeast-2"]).is_ok());
        for bad in [
            &[][..],
            &["eu-west"],
            &["eu-west-1a"],
            &["Europe"],
            &["eu_west_1"],
            &["eu-west-1", "eu-west-1"],
            &["", "eu-west-1"],
        ] {
            assert!(list(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn roles_zones_and_addresses_of_apis() {
        for good in [
            "arn:aws:iam::123456789012:role/strait",
            "arn:aws-cn:iam::123456789012:role/path/strait",
        ] {
            assert!(role(good).is_ok(), "{good}");
        }
        for bad in [
            "strait",
            "arn:aws:iam::12345:role/strait",
            "arn:aws:iam::123456789012:user/strait",
            "arn:aws:iam::123456789012:role/",
        ] {
            assert!(role(bad).is_err(), "{bad}");
        }
        assert!(zone("Z0123456789ABCDEFGHIJ").is_ok());
        for bad in ["/hostedzone/Z0123", "z0123", "example.com"] {
            assert!(zone(bad).is_err(), "{bad}");
        }
        for good in ["http://127.0.0.1:5000", "https://aws.example.com/"] {
            assert!(endpoint_url(good).is_ok(), "{good}");
        }
        for bad in [
            "127.0.0.1:5000",
            "ftp://a",
            "http://u:hush@a",
            "http://a?b=c",
        ] {
            let why = endpoint_url(bad).expect_err(bad);
            assert!(!why.contains("hush"), "{why}");
        }
    }

    #[test]
    fn dns_servers_are_addresses() {
        let list = |item: &str| nameservers(&[item.to_owned()]);
        for (good, read) in [
            ("10.0.0.2", "10.0.0.2:53"),
            ("127.0.0.1:5353", "127.0.0.1:5353"),
            ("fd00:ec2::253", "[fd00:ec2::253]:53"),
            ("[::1]:5353", "[::1]:5353"),
        ] {
            assert_eq!(list(good), Ok(vec![read.parse().expect("an address")]));
        }
        for bad in [
            "",
            "dns.example.com",
            "10.0.0.2:",
            "10.0.0.300",
            "10.0.0.0/24",
        ] {
            assert!(list(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn keys_that_open_everything_are_long_and_never_told() {
        let shown = format!("{:?}", admin_key(&"k".repeat(64)).expect("a key"));
        assert!(!shown.contains('k'), "{shown}");
        for bad in ["hush", &"hush hush".repeat(8)] {
            let why = admin_key(bad).expect_err(bad);
            assert!(!why.contains("hush"), "{why}");
            assert!(why.contains("openssl rand"), "{why}");
        }
    }

    #[test]
    fn certificates_and_nothing_else() {
        let one = include_str!("../../../../tests/clients/authority.pem");
        let check = |pem: &str| authority(PathBuf::from("/ca.pem"), pem.to_owned());
        assert!(check(&one.repeat(3)).is_ok());
        for bad in [
            String::new(),
            one.replace("-----END", ""),
            format!("{one}{}", one.replace("-----END", "")),
            format!("{one}-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n"),
            format!("{one}-----BEGIN CERTIFICATE-----\nbWFsZm9ybWVk\n-----END CERTIFICATE-----\n"),
            "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n".to_owned(),
            format!("{one}-----BEGIN RSA PRIVATE KEY-----\n"),
        ] {
            assert!(check(&bad).is_err(), "{bad}");
        }
    }
}
