//! The bodies that are sent: a flush of 20 records of about 150 bytes, one stream a user.
//!
//! A body is made by filling numbers of fixed width into a template, so that making it costs the load generator next to nothing.

/// Records of a flush.
pub(crate) const RECORDS: u64 = 20;
/// The first `seq`: large, so that its width does not change.
const FIRST_SEQ: u64 = 1_000_000;

const EVENTS: [&str; 8] = [
    "viewed_product",
    "added_to_basket",
    "searched",
    "opened_page",
    "scrolled",
    "shared",
    "rated",
    "removed_from_basket",
];

/// The template of a request, header and all.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    bytes: Vec<u8>,
    users: Vec<usize>,
    seqs: Vec<usize>,
    times: Vec<usize>,
}

const USER: &str = "@@@@@@@@@@@@";
const SEQ: &str = "#######";
const TIME: &str = "$$$$$$$$$$$$$";

impl Template {
    pub(crate) fn new() -> Self {
        let mut body = format!(
            "{{\"key\":\"pk_bench\",\"sdk\":\"web/0.1.0\",\"device\":\"10000000-0000-4000-8000-{USER}\",\
             \"stream\":\"20000000-0000-4000-8000-{USER}\",\"identity\":{{\"anonymous_id\":\"30000000-0000-4000-8000-{USER}\"}},\
             \"sent_at\":{TIME},\"messages\":\"\",\"records\":["
        );
        for i in 0..RECORDS {
            let name = EVENTS[usize::try_from(i).unwrap_or(0) % EVENTS.len()];
            if i > 0 {
                body.push(',');
            }
            body.push_str(&format!(
                "{{\"seq\":{SEQ},\"at\":{TIME},\"type\":\"custom_event\",\"name\":\"{name}\",\
                 \"properties\":{{\"product\":\"mug-{i}\",\"price\":{i}.5,\"page\":\"/goods/mugs?sort=new\"}}}}"
            ));
        }
        body.push_str("]}");
        let request = format!(
            "POST /sdk/v1/flush HTTP/1.1\r\nhost: bench\r\ncontent-type: text/plain;charset=UTF-8\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let find = |mark: &str| request.match_indices(mark).map(|(place, _)| place).collect();
        Self { users: find(USER), seqs: find(SEQ), times: find(TIME), bytes: request.into_bytes() }
    }

    /// The request of a user's `flush`-th flush, from 0.
    pub(crate) fn fill(&mut self, user: u64, flush: u64, now_ms: u64) -> &[u8] {
        for place in &self.users {
            write_hex(&mut self.bytes[*place..place + USER.len()], user);
        }
        for (i, place) in (0..).zip(&self.seqs) {
            write_decimal(&mut self.bytes[*place..place + SEQ.len()], FIRST_SEQ + flush * RECORDS + i);
        }
        // The first is when it is sent; the records happened in the seconds before.
        for (before, place) in (0..).zip(&self.times).map(|(i, place)| ((RECORDS + 1 - i) % (RECORDS + 1) * 40, place))
        {
            write_decimal(&mut self.bytes[*place..place + TIME.len()], now_ms - before);
        }
        &self.bytes
    }
}

fn write_hex(out: &mut [u8], mut number: u64) {
    for digit in out.iter_mut().rev() {
        *digit = b"0123456789abcdef"[usize::try_from(number & 15).unwrap_or(0)];
        number >>= 4;
    }
}

fn write_decimal(out: &mut [u8], mut number: u64) {
    for digit in out.iter_mut().rev() {
        *digit = b"0123456789"[usize::try_from(number % 10).unwrap_or(0)];
        number /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_a_flush() {
        let mut template = Template::new();
        let request = String::from_utf8(template.fill(255, 3, 1_763_917_561_000).to_vec()).unwrap();
        let body = request.split_once("\r\n\r\n").unwrap().1;
        let flush: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(flush["records"].as_array().unwrap().len(), 20);
        assert_eq!(flush["records"][19]["seq"], 1_000_079);
        assert_eq!(flush["records"][19]["at"], 1_763_917_561_000_u64 - 40);
        assert_eq!(flush["stream"], "20000000-0000-4000-8000-0000000000ff");
        let record = flush["records"][7].to_string().len();
        assert!((130..=170).contains(&record), "{record}");
    }
}
