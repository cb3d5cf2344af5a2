import Notation

extension Instant {
    static let start = Instant(secondsSince1970: 1_772_000_000)
}
