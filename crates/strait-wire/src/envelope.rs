//! Answers as XML: EC2's own envelope, and the Query protocol's.

use quick_xml::se::{SeError, to_string_with_root};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use strait_vpc::Response;
use strait_vpc::api::Service;

use crate::error::WireError;
use crate::service;

const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

/// Writes the answer to a call that succeeded.
pub(crate) fn answer(
    service: Service,
    action: &str,
    response: &Response,
    request_id: &str,
) -> Result<String, WireError> {
    Ok(write_answer(service, action, response, request_id)?)
}

/// Writes an error. `sender`: whether the request is to blame.
pub(crate) fn error(
    service: Service,
    code: &str,
    message: &str,
    sender: bool,
    request_id: &str,
) -> Result<String, WireError> {
    let written = if service::is_ec2(service) {
        let errors = Ec2Errors {
            error: Ec2Error { code, message },
        };
        to_string_with_root("Response", &Ec2Failure { errors, request_id })
    } else {
        let kind = if sender { "Sender" } else { "Receiver" };
        let error = QueryError {
            kind,
            code,
            message,
        };
        to_string_with_root(
            "ErrorResponse",
            &QueryFailure {
                xmlns: service::namespace(service),
                error,
                request_id,
            },
        )
    };
    Ok(document(&written?))
}

fn write_answer<T: Serialize>(
    service: Service,
    action: &str,
    response: &T,
    request_id: &str,
) -> Result<String, SeError> {
    let root = format!("{action}Response");
    let xmlns = service::namespace(service);
    let written = if service == Service::Route53 {
        to_string_with_root(&root, &RestAnswer { xmlns, response })
    } else if service::is_ec2(service) {
        to_string_with_root(
            &root,
            &Ec2Answer {
                xmlns,
                request_id,
                response,
            },
        )
    } else {
        to_string_with_root(
            &root,
            &QueryAnswer {
                xmlns,
                request_id,
                action,
                response,
            },
        )
    };
    Ok(document(&written?))
}

#[derive(Serialize)]
struct Ec2Answer<'a, T> {
    #[serde(rename = "@xmlns")]
    xmlns: &'static str,
    #[serde(rename = "requestId")]
    request_id: &'a str,
    #[serde(flatten)]
    response: &'a T,
}

#[derive(Serialize)]
struct RestAnswer<'a, T> {
    #[serde(rename = "@xmlns")]
    xmlns: &'static str,
    #[serde(flatten)]
    response: &'a T,
}

struct QueryAnswer<'a, T> {
    xmlns: &'static str,
    request_id: &'a str,
    action: &'a str,
    response: &'a T,
}

impl<T: Serialize> Serialize for QueryAnswer<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut parts = serializer.serialize_map(None)?;
        parts.serialize_entry("@xmlns", self.xmlns)?;
        parts.serialize_entry(&format!("{}Result", self.action), self.response)?;
        parts.serialize_entry(
            "ResponseMetadata",
            &Metadata {
                request_id: self.request_id,
            },
        )?;
        parts.end()
    }
}

#[derive(Serialize)]
struct Metadata<'a> {
    #[serde(rename = "RequestId")]
    request_id: &'a str,
}

#[derive(Serialize)]
struct Ec2Failure<'a> {
    #[serde(rename = "Errors")]
    errors: Ec2Errors<'a>,
    #[serde(rename = "RequestID")]
    request_id: &'a str,
}

#[derive(Serialize)]
struct Ec2Errors<'a> {
    #[serde(rename = "Error")]
    error: Ec2Error<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Ec2Error<'a> {
    code: &'a str,
    message: &'a str,
}

#[derive(Serialize)]
struct QueryFailure<'a> {
    #[serde(rename = "@xmlns")]
    xmlns: &'static str,
    #[serde(rename = "Error")]
    error: QueryError<'a>,
    #[serde(rename = "RequestId")]
    request_id: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct QueryError<'a> {
    #[serde(rename = "Type")]
    kind: &'static str,
    code: &'a str,
    message: &'a str,
}

fn document(written: &str) -> String {
    let mut document = String::with_capacity(DECLARATION.len() + written.len());
    document.push_str(DECLARATION);
    for character in written.chars() {
        match character {
            // Only text can hold one: a parser would read a bare one as a line feed.
            '\r' => document.push_str("&#13;"),
            '\t' | '\n' => document.push(character),
            // XML 1.0 cannot say these, not even escaped.
            '\0'..='\x1f' | '\u{fffe}' | '\u{ffff}' => document.push('\u{fffd}'),
            _ => document.push(character),
        }
    }
    document
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize, Default)]
    struct List {
        item: Vec<Thing>,
    }

    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Thing {
        thing_id: String,
        is_default: bool,
        count: u32,
    }

    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer {
        thing_set: List,
        #[serde(skip_serializing_if = "Option::is_none")]
        next_token: Option<String>,
    }

    #[derive(Serialize)]
    #[serde(untagged)]
    enum AnyAnswer {
        Answer(Answer),
    }

    #[test]
    fn ec2_puts_the_request_id_first_and_wraps_nothing() {
        let thing = Thing {
            thing_id: "<a&b>".to_owned(),
            is_default: false,
            count: 3,
        };
        let answer = AnyAnswer::Answer(Answer {
            thing_set: List { item: vec![thing] },
            next_token: None,
        });
        assert_eq!(
            write_answer(Service::Ec2, "DescribeThings", &answer, "req").expect("XML"),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <DescribeThingsResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>req</requestId>\
             <thingSet><item><thingId>&lt;a&amp;b&gt;</thingId><isDefault>false</isDefault><count>3</count></item>\
             </thingSet></DescribeThingsResponse>"
        );
    }

    #[test]
    fn an_empty_list_is_an_empty_element() {
        let answer = Answer {
            thing_set: List::default(),
            next_token: None,
        };
        let written = write_answer(Service::Ec2, "DescribeThings", &answer, "req").expect("XML");
        assert!(written.contains("<thingSet/>"), "{written}");
    }

    #[test]
    fn the_query_protocol_wraps_a_result() {
        let answer = Answer {
            thing_set: List::default(),
            next_token: Some("t".to_owned()),
        };
        assert_eq!(
            write_answer(Service::Elb, "DescribeThings", &answer, "req").expect("XML"),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <DescribeThingsResponse xmlns=\"http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/\">\
             <DescribeThingsResult><thingSet/><nextToken>t</nextToken></DescribeThingsResult>\
             <ResponseMetadata><RequestId>req</RequestId></ResponseMetadata></DescribeThingsResponse>"
        );
    }

    #[test]
    fn errors_have_each_services_envelope() {
        assert_eq!(
            error(
                Service::Ec2,
                "InvalidVpcID.NotFound",
                "no <vpc>",
                true,
                "req"
            )
            .expect("XML"),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error><Code>InvalidVpcID.NotFound</Code>\
             <Message>no &lt;vpc&gt;</Message></Error></Errors><RequestID>req</RequestID></Response>"
        );
        assert_eq!(
            error(Service::Sts, "InternalError", "broken", false, "req").expect("XML"),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Receiver</Type>\
             <Code>InternalError</Code><Message>broken</Message></Error><RequestId>req</RequestId></ErrorResponse>"
        );
    }

    #[test]
    fn what_xml_cannot_say_is_replaced() {
        let written = error(
            Service::Ec2,
            "C",
            "a\0b\u{b}c\r\n\td\u{ffff}\u{1f40d}",
            true,
            "req",
        )
        .expect("XML");
        assert!(
            written.contains("<Message>a\u{fffd}b\u{fffd}c&#13;\n\td\u{fffd}\u{1f40d}</Message>"),
            "{written:?}"
        );
    }
}
