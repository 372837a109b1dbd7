//! Fuel and memory of requests, on every engine.

use wasmscope_tests::requests::{assert_facts, server_spans};
use wasmscope_tests::service::Answer;
use wasmscope_tests::{Runtime, Service, on_each_engine};

on_each_engine! {
    each_request_has_its_own_fuel,
    each_request_has_its_own_memory,
}

const FAILED: &str = "500 \"500 Internal Server Error\\n\"";

/// A new instance for each request, and instances for many.
const REUSE: [&[&str]; 2] = [&[], &["--max-instance-reuse", "100"]];

/// A service whose requests are sent one after the other.
struct Requests {
    service: Service,
    sent: usize,
}

impl Requests {
    fn start(runtime: Runtime, limit: [&str; 2], reuse: &[&str]) -> Self {
        let options = [&limit, reuse].concat();
        Self {
            service: Service::start(runtime, "http-service", &options),
            sent: 0,
        }
    }

    /// Sends a request, and waits for the end of its guest, which is later than the response. The
    /// next request can then have the same instance.
    fn get(&mut self, path: &str) -> Answer {
        let answer = self.service.get(path);
        self.sent += 1;
        let _ = server_spans(&self.service.collector, self.sent);
        answer
    }
}

fn each_request_has_its_own_fuel(runtime: Runtime) {
    for reuse in REUSE {
        let mut requests = Requests::start(runtime, ["--fuel", "4000000"], reuse);
        // All of them together need more: a turn takes three instructions at least.
        for _ in 0..20 {
            let answer = requests.get("/work?100000");
            assert_eq!(answer.to_string(), "200 \"done\\n\"");
        }
        assert_eq!(requests.get("/loop").to_string(), FAILED);
        assert_eq!(requests.get("/count").text(), "1\n", "a new instance");
        let broken = requests.get("/loop-in-body");
        assert_eq!(broken.to_string(), "200 \"part\", broken off");
        assert_eq!(requests.get("/count").text(), "1\n", "a new instance");
        let (output, collector) = requests.service.stop();
        let _ = output.expect_code(0);
        let mut expected = vec!["GET /work 200 -"; 20];
        expected.extend([
            "GET /loop 500 out_of_fuel ERROR",
            "GET /count 200 -",
            "GET /loop-in-body 200 out_of_fuel ERROR",
            "GET /count 200 -",
        ]);
        assert_facts(&collector, &expected);
    }
}

fn each_request_has_its_own_memory(runtime: Runtime) {
    for reuse in REUSE {
        // Rust programs trap if they get no memory.
        let mut requests = Requests::start(runtime, ["--max-memory", "32MiB"], reuse);
        assert_eq!(requests.get("/memory").to_string(), FAILED);
        assert_eq!(requests.get("/count").text(), "1\n", "a new instance");
        let (output, collector) = requests.service.stop();
        let _ = output.expect_code(0);
        let failed = "GET /memory 500 unreachable ERROR";
        assert_facts(&collector, &[failed, "GET /count 200 -"]);

        let mut requests = Requests::start(runtime, ["--max-memory", "100MiB"], reuse);
        for _ in 0..3 {
            let answer = requests.get("/memory");
            assert_eq!(answer.to_string(), "200 \"67108864 bytes\\n\"");
        }
        let _ = requests.service.stop().0.expect_code(0);
    }
}
