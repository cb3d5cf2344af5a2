public import Notation
public import Partners

public struct LegacySettings: Sendable {
    /// `https://old.clinic.example/api`
    public var base: String
    public var token: Personal<String>

    public init(base: String, token: Personal<String>) {
        self.base = base
        self.token = token
    }
}

/// Asks the appointment system that is being replaced (GF-6).
public struct LegacyConnector: LegacySystem {
    public let way: WayOut
    private let format: LegacyFormat

    public init(_ settings: LegacySettings, way: WayOut) {
        self.way = way
        format = LegacyFormat(settings)
    }

    public func changes(after change: Int, limit: Int) async -> Ending<LegacyChanges> {
        let (format, now) = (format, way.now)
        return await way.ask(format.listing(after: change, limit: limit), isRepeatable: true) { answer in
            format.read(answer, now: now) { LegacyFormat.changes($0, after: change) }
        }
    }

    public func find(_ requestID: EffectKey) async -> Ending<LegacyEntry?> {
        let (format, now) = (format, way.now)
        return await way.ask(format.finding(requestID), isRepeatable: true) { answer in
            format.read(answer, now: now) { json -> LegacyEntry?? in
                guard let page = LegacyFormat.changes(json, after: 0), page.unreadable.isEmpty else { return nil }
                // Several under one request are what we try to avoid: the one that stands is the answer.
                return .some(page.entries.first { $0.state == .booked } ?? page.entries.last)
            }
        }
    }

    public func book(_ visit: LegacyVisit, requestID: EffectKey) async -> Ending<LegacyEntry> {
        let (format, now) = (format, way.now)
        // Repeated only after a look, so a lost answer does no harm.
        let ending = await way.ask(format.booking(visit, requestID), isRepeatable: true) { answer in
            format.read(answer, now: now, LegacyFormat.entry)
        }
        // Somebody else's answer under our number would confirm what nobody asked for.
        if let entry = ending.value, entry.requestID != requestID.text || entry.visit.start != visit.start {
            return .later(after: nil, reason: "it answered about another appointment")
        }
        return ending
    }

    public func cancel(_ id: String, key: EffectKey) async -> Ending<LegacyEntry> {
        let (format, now) = (format, way.now)
        return await way.ask(format.cancelling(id, key), isRepeatable: true) { answer in
            format.read(answer, now: now, LegacyFormat.entry)
        }
    }
}
