//! Turns hickory's requests into questions to the view, and answers into messages.

use async_trait::async_trait;
use hickory_proto::op::{Edns, Header, HeaderCounts, Metadata, OpCode, ResponseCode};
use hickory_proto::rr::{DNSClass, Name, Record, RecordType};
use hickory_server::net::runtime::Time;
use hickory_server::server::{Request, RequestHandler, ResponseHandler, ResponseInfo};
use hickory_server::zone_handler::MessageResponseBuilder;

use super::Shared;
use super::upstream::{self, Failure};
use super::view::{self, Answer, View, Walk};

/// The largest UDP answer that never is cut into fragments.
const LARGEST_UDP: u16 = 1232;

/// Answers what one namespace asks.
pub(super) struct Answers {
    namespace: String,
    view: Shared,
}

impl Answers {
    /// For the questions of this namespace.
    pub(super) fn new(namespace: String, view: Shared) -> Self {
        Self { namespace, view }
    }

    async fn reply(&self, request: &Request) -> Reply {
        if request.metadata.op_code != OpCode::Query {
            return Reply::code(ResponseCode::NotImp);
        }
        if request.version() > 0 {
            return Reply::code(ResponseCode::BADVERS);
        }
        let Ok(question) = request.request_info() else {
            return Reply::code(ResponseCode::FormErr);
        };
        let asked = question.query.original();
        if !matches!(asked.query_class(), DNSClass::IN | DNSClass::ANY) {
            return Reply::code(ResponseCode::Refused);
        }
        let view = view::current(&self.view);
        let kind = asked.query_type();
        let Walk { chain, name, end } = view.walk(&self.namespace, asked.name(), kind);
        let reply = match end {
            Some(Answer::Records(answers)) => Reply {
                answers,
                ..Reply::ours(ResponseCode::NoError, None)
            },
            Some(Answer::NoData(soa)) => Reply::ours(ResponseCode::NoError, soa),
            Some(Answer::NoName(soa)) => Reply::ours(ResponseCode::NXDomain, soa),
            Some(Answer::Elsewhere) if view.may_pass_on(&self.namespace) => {
                elsewhere(&view, &name, kind).await
            }
            Some(Answer::Elsewhere) => Reply::code(ResponseCode::ServFail),
            // Too long a chain, or one that bites its tail.
            Some(Answer::Instead(..)) | None => return Reply::code(ResponseCode::ServFail),
        };
        let answers = chain.into_iter().chain(reply.answers).collect();
        Reply { answers, ..reply }
    }
}

#[async_trait]
impl RequestHandler for Answers {
    async fn handle_request<R: ResponseHandler, T: Time>(
        &self,
        request: &Request,
        mut response_handle: R,
    ) -> ResponseInfo {
        let reply = self.reply(request).await;
        let mut metadata = Metadata::response_from_request(&request.metadata);
        metadata.response_code = reply.code;
        metadata.authoritative = reply.authoritative;
        // Stub resolvers take a server that does not recurse for a broken one.
        metadata.recursion_available = true;
        let mut builder = MessageResponseBuilder::from_message_request(request);
        let mut edns = Edns::new();
        edns.set_max_payload(LARGEST_UDP).set_version(0);
        if request.edns.is_some() {
            edns.set_rcode_high(reply.code.high());
            builder.edns(&edns);
        }
        let response = builder.build(metadata, &reply.answers, [], &reply.soa, []);
        match response_handle.send_response(response).await {
            Ok(info) => info,
            Err(error) => {
                tracing::debug!(namespace = self.namespace, %error, "answer could not be sent");
                ResponseInfo::from(Header {
                    metadata,
                    counts: HeaderCounts::default(),
                })
            }
        }
    }
}

/// What the machine's resolver says.
async fn elsewhere(view: &View, name: &Name, kind: RecordType) -> Reply {
    let answer = match upstream::ask(&view.resolv_conf, name, kind).await {
        Ok(answer) => answer,
        Err(Failure::NoServer | Failure::Silent | Failure::Busy) => {
            return Reply::code(ResponseCode::ServFail);
        }
    };
    let code = Some(answer.metadata.response_code)
        .filter(|code| [ResponseCode::NoError, ResponseCode::NXDomain].contains(code))
        .unwrap_or(ResponseCode::ServFail);
    let mut authorities = answer.authorities.into_iter();
    Reply {
        code,
        authoritative: false,
        answers: answer.answers,
        soa: authorities.find(|record| record.record_type() == RecordType::SOA),
    }
}

struct Reply {
    code: ResponseCode,
    authoritative: bool,
    answers: Vec<Record>,
    soa: Option<Record>,
}

impl Reply {
    fn code(code: ResponseCode) -> Self {
        Self {
            code,
            authoritative: false,
            answers: Vec::new(),
            soa: None,
        }
    }

    fn ours(code: ResponseCode, soa: Option<Record>) -> Self {
        Self {
            code,
            authoritative: true,
            answers: Vec::new(),
            soa,
        }
    }
}
