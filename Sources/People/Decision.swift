/// What ties a caller to what they ask about, as the database has it in the transaction that decides.
public struct Relationship: OptionSet, Sendable, Hashable {
    public let rawValue: Int
    public init(rawValue: Int) { self.rawValue = rawValue }

    /// The caller gives care to the patient, or gave it not long ago.
    public static let careTeam = Relationship(rawValue: 1)
    /// It happens at one of the places the caller works at.
    public static let samePlace = Relationship(rawValue: 2)
    /// The caller has broken the glass for the patient, and the time is not over.
    public static let brokenGlass = Relationship(rawValue: 4)
}

public enum Decision: Sendable, Equatable {
    case permitted(for: Purpose)
    case refused(Objection)

    public var isPermitted: Bool { if case .permitted = self { true } else { false } }
}

/// Why somebody may not: for the audit, never for the caller.
public enum Objection: String, Sendable, CaseIterable {
    case notForThisRole = "not-for-this-role"
    case outOfScope = "out-of-scope"
    case purposeNotOfThisRole = "purpose-not-of-this-role"
    case glassIsWhole = "glass-is-whole"
    case notInTheirCare = "not-in-their-care"
    case atAnotherPlace = "at-another-place"
    case notTheirOwn = "not-their-own"
}

extension Caller {
    /// The one decision: role × act × relationship × purpose. Whatever no line allows is refused.
    ///
    /// - Parameter purpose: what the caller says they look for; nil is what their role usually does.
    public func decide(_ act: Act, _ relationship: Relationship = [], for purpose: Purpose? = nil) -> Decision {
        let grounds = role.grounds(for: act)
        guard !grounds.isEmpty else { return .refused(.notForThisRole) }
        guard isInScope(act) else { return .refused(.outOfScope) }
        let stated = purpose ?? role.usualPurpose
        guard role.purposes.contains(stated) else { return .refused(.purposeNotOfThisRole) }
        let isBroken = relationship.contains(.brokenGlass)
        if stated == .brokenGlass, !isBroken { return .refused(.glassIsWhole) }
        if !grounds.isDisjoint(with: self.grounds(for: act, relationship)) { return .permitted(for: stated) }
        if grounds.contains(.emergency), isBroken { return .permitted(for: .brokenGlass) }
        return .refused(grounds.contains(.care) ? .notInTheirCare : grounds.contains(.place) ? .atAnotherPlace : .notTheirOwn)
    }

    /// Whether it is permitted where nothing ties them to it but who they are.
    public func may(_ act: Act) -> Bool { decide(act).isPermitted }

    /// The grounds the caller has, an emergency aside.
    private func grounds(for act: Act, _ relationship: Relationship) -> Grounds {
        var held: Grounds = .anybody
        if owns(act) { held.insert(.own) }
        if relationship.contains(.careTeam) { held.insert(.care) }
        if places.isEmpty || relationship.contains(.samePlace) { held.insert(.place) }
        return held
    }
}
