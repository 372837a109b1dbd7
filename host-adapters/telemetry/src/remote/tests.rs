use super::*;
use crate::dropped::{Dropped, Signal};
use crate::limits::Limits;

fn with_rules<T>(check: impl FnOnce(Rules<'_>) -> T) -> (T, Dropped) {
    let (limits, dropped) = (Limits::default(), Dropped::default());
    let rules = Rules {
        limits: &limits,
        dropped: &dropped,
        signal: Signal::Traces,
        value_chars: None,
        pending: None,
    };
    (check(rules), dropped)
}

fn state_of(header: &str) -> (String, u64) {
    let (state, dropped) = with_rules(|rules| trace_state(header, rules));
    (state.header(), dropped.total(Signal::Traces))
}

#[test]
fn valid_trace_states_are_kept() {
    for (given, kept) in [
        ("", ""),
        ("a=1", "a=1"),
        ("a=1,b=2", "a=1,b=2"),
        (" a=1 ,\t,b=2,", "a=1,b=2"),
        ("0a=x y", "0a=x y"),
        ("tenant@system=1", "tenant@system=1"),
        ("a=;:!", "a=;:!"),
    ] {
        assert_eq!(state_of(given), (kept.to_owned(), 0), "{given:?}");
    }
}

#[test]
fn invalid_trace_states_are_dropped_whole_and_counted() {
    let too_many: String = (0..33).map(|n| format!("k{n}=v,")).collect();
    let long_key = format!("{}=1", "k".repeat(257));
    let long_value = format!("k={}", "v".repeat(257));
    for given in [
        "a",
        "a=",
        "=1",
        "A=1",
        "_a=1",
        "a =1",
        "a=1,a=2",
        "a=b=c",
        "a=\u{7f}",
        "a=\u{e9}",
        "a=1,b",
        &too_many,
        &long_key,
        &long_value,
    ] {
        assert_eq!(state_of(given), (String::new(), 1), "{given:?}");
    }
}

#[test]
fn thirty_two_members_are_allowed() {
    let members: Vec<String> = (0..32).map(|n| format!("k{n}=v")).collect();
    assert_eq!(state_of(&members.join(",")), (members.join(","), 0));
}

#[test]
fn long_members_of_a_long_trace_state_are_dropped_first_then_the_last() {
    let long = format!("long={}", "x".repeat(150));
    let short = |n: usize| format!("s{n}={}", "y".repeat(100));
    let given = [short(0), long, short(1), short(2), short(3), short(4)].join(",");
    let kept = [short(0), short(1), short(2), short(3)].join(",");
    assert_eq!(state_of(&given), (kept, 2));
}

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";

#[test]
fn traceparents_are_parsed_with_both_flags() {
    for (flags, kept) in [("00", 0), ("01", 1), ("02", 2), ("03", 3), ("ff", 3)] {
        let (context, dropped) =
            with_rules(|rules| headers(&format!("00-{TRACE}-{SPAN}-{flags}"), "a=1", rules));
        let context = context.unwrap();
        assert_eq!(context.trace_id(), TraceId::from_hex(TRACE).unwrap());
        assert_eq!(context.span_id(), SpanId::from_hex(SPAN).unwrap());
        assert_eq!(context.trace_flags().to_u8(), kept);
        assert_eq!(context.trace_state().header(), "a=1");
        assert!(context.is_remote());
        assert_eq!(dropped.snapshot(), []);
    }
}

#[test]
fn later_versions_may_be_longer() {
    for header in [
        format!("01-{TRACE}-{SPAN}-01"),
        format!("cc-{TRACE}-{SPAN}-01-later-fields"),
    ] {
        assert!(
            with_rules(|rules| headers(&header, "", rules)).0.is_some(),
            "{header}"
        );
    }
}

#[test]
fn malformed_traceparents_are_dropped_and_counted() {
    let zeros = "0".repeat(32);
    for header in [
        String::new(),
        "00".to_owned(),
        format!("00-{TRACE}-{SPAN}"),
        format!("00-{TRACE}-{SPAN}-01-more"),
        format!("cc-{TRACE}-{SPAN}-01.more"),
        format!("ff-{TRACE}-{SPAN}-01"),
        format!("+0-{TRACE}-{SPAN}-01"),
        format!("00-{TRACE}-{SPAN}-+1"),
        format!("00-{}-{SPAN}-01", TRACE.to_uppercase()),
        format!("00-{zeros}-{SPAN}-01"),
        format!("00-{TRACE}-{}-01", &zeros[..16]),
        format!("00-{TRACE}-{SPAN}-0\u{e9}"),
        format!("00-{}--{SPAN}-01", &TRACE[1..]),
    ] {
        let (context, dropped) = with_rules(|rules| headers(&header, "", rules));
        assert!(context.is_none(), "{header}");
        assert_eq!(
            dropped.get(Signal::Traces, Reason::InvalidContext),
            1,
            "{header}"
        );
    }
}

fn entry(key: &str, value: &str, metadata: &str) -> BaggageEntry {
    BaggageEntry {
        key: key.to_owned(),
        value: value.to_owned(),
        metadata: metadata.to_owned(),
    }
}

#[test]
fn baggage_headers_are_decoded_in_order() {
    let (entries, dropped) =
        with_rules(|rules| baggage_header("z = last%20name ;p=1;q , a=x=y,, e=%ff, z=2", rules));
    assert_eq!(
        entries,
        [
            entry("z", "2", ""),
            entry("a", "x=y", ""),
            entry("e", "\u{fffd}", "")
        ]
    );
    assert_eq!(dropped.snapshot(), []);
    let (entries, _) = with_rules(|rules| baggage_header("k=v;p=1;q", rules));
    assert_eq!(entries, [entry("k", "v", "p=1;q")]);
}

#[test]
fn invalid_baggage_is_dropped_and_counted() {
    let (entries, dropped) = with_rules(|rules| {
        let given = [
            entry("", "1", ""),
            entry("a b", "1", ""),
            entry("k\u{e9}", "1", ""),
            entry("m", "1", "a,b\n"),
        ];
        baggage(given, rules)
    });
    assert_eq!(entries, [entry("m", "1", "")]);
    assert_eq!(dropped.get(Signal::Traces, Reason::InvalidBaggage), 4);
    let (entries, dropped) = with_rules(|rules| baggage_header("novalue,k=v", rules));
    assert_eq!(entries, [entry("k", "v", "")]);
    assert_eq!(dropped.get(Signal::Traces, Reason::InvalidBaggage), 1);
}

#[test]
fn baggage_has_at_most_64_entries_and_8192_bytes() {
    let (entries, dropped) =
        with_rules(|rules| baggage((0..70).map(|n| entry(&format!("k{n}"), "v", "")), rules));
    assert_eq!(entries.len(), 64);
    assert_eq!(dropped.get(Signal::Traces, Reason::BaggageEntries), 6);

    let (entries, dropped) = with_rules(|rules| {
        let given = [
            entry("a", &"x".repeat(8_191), ""),
            entry("b", "", ""),
            entry("a", "1", ""),
            entry("c", "2", ""),
        ];
        baggage(given, rules)
    });
    assert_eq!(entries, [entry("a", "1", ""), entry("c", "2", "")]);
    assert_eq!(dropped.get(Signal::Traces, Reason::BaggageBytes), 1);
}

#[test]
fn malformed_context_has_warnings_and_valid_context_has_none() {
    let warnings = |parent: &str, state: &str, baggage: &str| {
        let some = |text: &str| (!text.is_empty()).then(|| String::from(text));
        let options = crate::InvocationOptions {
            traceparent: some(parent),
            tracestate: some(state),
            baggage: some(baggage),
            ..crate::InvocationOptions::default()
        };
        options.warnings()
    };
    const VALID: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    assert_eq!(warnings(VALID, "a=b, c=d", "k=v,l=w;p"), [""; 0]);
    assert_eq!(warnings("", "", ""), [""; 0]);
    for parent in [
        "x",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "\u{1b}[2J",
    ] {
        let found = warnings(parent, "broken", "");
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("TRACEPARENT: expected"), "{found:?}");
        assert!(!found[0].contains(char::is_control), "{found:?}");
    }
    for state in ["broken", "a=b,a=c", "A=b", "a="] {
        let found = warnings(VALID, state, "");
        assert!(found[0].starts_with("TRACESTATE: expected"), "{found:?}");
    }
    assert!(warnings("", "a=b", "")[0].contains("no effect without TRACEPARENT"));
    let found = warnings("", "", "k=v,secret,a b=c");
    assert!(
        found[0].contains("2 malformed entries left out"),
        "{found:?}"
    );
    assert!(!found[0].contains("secret"), "{found:?}");
}
