import Notation

/// Always the same, so that a nonce is known beforehand.
struct StandingChance: RandomSource {
    func next() -> UInt64 { 0x0102_0304_0506_0708 }
}
