public import Notation
import People
public import Scheduling
import Storage

/// How far both systems say the same to the same requests (GF-4): what a switch is decided by.
public struct LegacyComparison: Sendable, Equatable {
    /// Less than one in a thousand may differ.
    public static let tolerated = 0.001

    public struct Difference: Sendable, Equatable {
        /// Theirs.
        public let id: String
        public let requestID: String
        /// Our refusal where they have booked it, `refusedThere`, or `endDiffers`.
        public let kind: String
        public let start: Instant
        public let practitioner: ID<Resource>?
        public let decidedAt: Instant
    }

    /// How many were asked for: the last so many.
    public let last: Int
    public let count: Int
    public let matched: Int
    /// By their kind.
    public let kinds: [String: Int]
    public let from: Instant?
    public let to: Instant?
    /// The last of those that differ, a hundred at most.
    public let differences: [Difference]

    public var mismatched: Int { count - matched }
    /// 0 to 1; nil when nothing was compared.
    public var share: Double? { count == 0 ? nil : Double(mismatched) / Double(count) }
    public var isWithinTolerance: Bool { share.map { $0 < Self.tolerated } ?? false }

    /// For people.
    public var text: String {
        var lines = [
            "compared    \(count) of the last \(last) requests" + (from.map { ", from \($0)" } ?? "")
                + (to.map { " to \($0)" } ?? "")
        ]
        lines.append("matched     \(matched)")
        lines.append("mismatched  \(mismatched)" + (share.map { " (\(Self.percent($0)))" } ?? ""))
        for (kind, number) in kinds.sorted(by: { ($1.value, $0.key) < ($0.value, $1.key) }) {
            lines.append("  \(number)  \(kind)")
        }
        for one in differences {
            lines.append(
                "  \(one.id)  \(one.kind)  start \(one.start)  practitioner \(one.practitioner?.description ?? "unknown")")
        }
        lines.append(isWithinTolerance ? "below 0.1 %" : "not below 0.1 %")
        return lines.joined(separator: "\n")
    }

    /// `0.10 %`, without an opinion about the language.
    private static func percent(_ share: Double) -> String {
        let hundredths = Int((share * 10_000).rounded())
        return "\(hundredths / 100).\(hundredths % 100 < 10 ? "0" : "")\(hundredths % 100) %"
    }

    public func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("last", last)
            json.member("count", count)
            json.member("matched", matched)
            json.member("mismatched", mismatched)
            json.member("share", share)
            json.member("withinTolerance", isWithinTolerance)
            json.name("kinds")
            json.object { json in
                for (kind, number) in kinds.sorted(by: { $0.key < $1.key }) { json.member(kind, number) }
            }
            json.member("from", from)
            json.member("to", to)
            json.name("differences")
            json.array(of: differences) { json, one in
                json.object { json in
                    json.member("id", one.id)
                    json.member("requestId", one.requestID)
                    json.member("kind", one.kind)
                    json.member("start", one.start)
                    json.member("practitioner", one.practitioner)
                    json.member("decidedAt", one.decidedAt)
                }
            }
        }
    }
}

extension ReadTransaction {
    /// - Parameter last: how many requests, 1 to 100,000.
    func legacyComparison(last: Int) throws -> LegacyComparison {
        let rows = try fetch(ComparedLegacyRows(last: last))
        let count = rows.reduce(0) { $0 + $1.count }
        let kinds = Dictionary(rows.compactMap { row in row.difference.map { ($0, row.count) } }) { $0 + $1 }
        let from = rows.map(\.oldest).min()
        let differing = try kinds.isEmpty ? [] : fetch(DifferingLegacyRows(since: from ?? Instant(microseconds: 0), limit: 100))
        return LegacyComparison(
            last: last, count: count, matched: count - kinds.values.reduce(0, +), kinds: kinds, from: from,
            to: rows.map(\.newest).max(),
            differences: differing.compactMap { row in
                guard let kind = row.difference, let at = row.decidedAt else { return nil }
                return LegacyComparison.Difference(
                    id: row.theirID, requestID: row.requestID, kind: kind, start: row.visit.from,
                    practitioner: row.practitioner, decidedAt: at)
            })
    }
}

extension Clinic {
    /// How far both say the same.
    ///
    /// - Parameter last: how many requests are looked at, 1 to 100,000: the last ones.
    public func compareWithLegacy(last: Int, for call: Call) async throws -> LegacyComparison {
        // Nobody's name is in it: it needs leave, and no record.
        guard call.caller.may(.replaceSystem) else { throw Refusal.notPermitted }
        return try await compareWithLegacy(last: last)
    }

    /// The same for whoever looks after the program.
    public func compareWithLegacy(last: Int) async throws -> LegacyComparison {
        try await database.doing(.background).read { try $0.legacyComparison(last: last) }
    }
}
