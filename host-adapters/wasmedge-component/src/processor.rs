//! The processor that code is compiled for. WasmEdge's compiler uses all features of this machine's
//! processor, and nothing checks that when the code is loaded elsewhere.

use std::fs;
use std::sync::LazyLock;

/// Lists the features of this machine's processor that the compiler may use, by their names in
/// Rust's standard library. Code that [`Component::compile`](crate::Component::compile) has made
/// elsewhere runs here if this list contains all features of the machine that compiled it.
#[must_use]
pub fn processor_features() -> Vec<&'static str> {
    macro_rules! detected {
        ($detect:ident: $($feature:tt)*) => {{
            let mut found = Vec::new();
            $(if std::arch::$detect!($feature) { found.push($feature); })*
            found
        }};
    }
    #[cfg(target_arch = "x86_64")]
    let found = detected!(is_x86_feature_detected:
        "adx" "aes" "avx" "avx2" "avx512bf16" "avx512bitalg" "avx512bw" "avx512cd" "avx512dq" "avx512f" "avx512ifma"
        "avx512vbmi" "avx512vbmi2" "avx512vl" "avx512vnni" "avx512vpopcntdq" "bmi1" "bmi2" "f16c" "fma" "gfni" "lzcnt"
        "movbe" "pclmulqdq" "popcnt" "rdrand" "rdseed" "sha" "sse3" "sse4.1" "sse4.2" "sse4a" "ssse3" "tbm" "vaes"
        "vpclmulqdq" "xsave" "xsavec" "xsaveopt" "xsaves");
    #[cfg(target_arch = "aarch64")]
    let found = detected!(is_aarch64_feature_detected:
        "aes" "bf16" "bti" "crc" "dit" "dotprod" "dpb" "dpb2" "fcma" "fhm" "flagm" "fp16" "frintts" "i8mm" "jsconv" "lse"
        "lse2" "mte" "paca" "pacg" "pmull" "rand" "rcpc" "rcpc2" "rdm" "sb" "sha2" "sha3" "sm4" "ssbs" "sve" "sve2" "tme");
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let found = vec![description()];
    found
}

/// Describes the processor, as far as the compiler's choices depend on it, for the key of a cache.
/// The cache serves only this machine.
pub(crate) fn description() -> &'static str {
    static DESCRIPTION: LazyLock<String> = LazyLock::new(|| {
        let mut text = String::new();
        // All cores have the same description.
        let described = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        for line in described.lines().take_while(|line| !line.trim().is_empty()) {
            let name = line.split(':').next().unwrap_or_default().trim();
            if [
                "flags",
                "Features",
                "model name",
                "cpu family",
                "model",
                "CPU part",
            ]
            .contains(&name)
            {
                text.push('\n');
                text.push_str(line);
            }
        }
        text
    });
    &DESCRIPTION
}
