/// What a system was given leave for, in the words of SMART App Launch 2.0: `system/Appointment.rs` is to read and to search
/// appointments. A scope only takes away: whatever it names, the role has to allow as well.
public struct Scope: Sendable, Hashable, CustomStringConvertible {
    /// What may be done with a resource, in the order SMART demands.
    public enum Interaction: Character, Sendable, CaseIterable {
        case create = "c"
        case read = "r"
        case update = "u"
        case delete = "d"
        case search = "s"
    }

    /// The resources this program gives out; `*` stands for all of them.
    public enum Resource: String, Sendable, CaseIterable {
        case appointment = "Appointment"
        case patient = "Patient"
        case schedule = "Schedule"
        case slot = "Slot"
        case communication = "Communication"
        case auditEvent = "AuditEvent"
        case all = "*"
    }

    public let resource: Resource
    public let interactions: Set<Interaction>

    public init(_ resource: Resource, _ interactions: Set<Interaction>) {
        self.resource = resource
        self.interactions = interactions
    }

    /// From `system/Appointment.cruds`; nil for whatever else somebody writes, other contexts included.
    public init?(_ text: String) {
        guard text.hasPrefix("system/") else { return nil }
        let parts = text.dropFirst(7).split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, let resource = Resource(rawValue: String(parts[0])) else { return nil }
        let interactions = parts[1].compactMap(Interaction.init)
        // The letters come in their order and none twice, so that a scope has one spelling.
        guard !interactions.isEmpty, parts[1] == Interaction.letters(of: Set(interactions))[...] else { return nil }
        self.init(resource, Set(interactions))
    }

    public var description: String { "system/\(resource.rawValue).\(Interaction.letters(of: interactions))" }

    func covers(_ need: Need) -> Bool {
        (resource == .all || resource == need.resource) && interactions.isSuperset(of: need.interactions)
    }

    /// What an act takes.
    struct Need {
        let resource: Resource
        let interactions: Set<Interaction>
    }
}

extension Scope {
    /// A list with blanks between, as in a token (RFC 6749 §3.3); nil when one of them is none.
    public static func list(_ text: String) -> Set<Scope>? {
        var scopes: Set<Scope> = []
        for word in text.split(separator: " ") {
            guard let scope = Scope(String(word)) else { return nil }
            scopes.insert(scope)
        }
        return scopes
    }

    public static func text(_ scopes: Set<Scope>) -> String { scopes.map(\.description).sorted().joined(separator: " ") }
}

extension Scope.Interaction {
    fileprivate static func letters(of interactions: Set<Scope.Interaction>) -> String {
        String(allCases.filter(interactions.contains).map(\.rawValue))
    }
}

extension Act {
    /// What a scope has to name for it; nil for what no system may ever do.
    var need: Scope.Need? {
        func need(_ resource: Scope.Resource, _ interactions: Scope.Interaction...) -> Scope.Need {
            Scope.Need(resource: resource, interactions: Set(interactions))
        }
        return switch self {
        case .searchTimes, .explainTimes: need(.slot, .search)
        case .readDirectory, .readAbsences: need(.schedule, .read)
        case .changeDirectory, .changeHours: need(.schedule, .update)
        case .readPatient: need(.patient, .read)
        case .changePatients: need(.patient, .create, .update)
        case .book: need(.appointment, .create)
        case .seeAppointment: need(.appointment, .read)
        case .followChanges: need(.appointment, .read, .search)
        case .changeAppointment, .runTheDay: need(.appointment, .update)
        case .listOfPatient, .listOfPractitioner, .listOfDay: need(.appointment, .search)
        case .readMailbox, .readWholeMailbox: need(.communication, .search)
        case .readAudit: need(.auditEvent, .search)
        case .overrideConflict, .correctMistake, .readFreeText, .replayDeadLetters, .breakGlass, .reviewEmergencies,
            .invitePatients, .exportRecord, .inviteStaff, .keepServices, .askCorrection, .decideCorrections, .closeRecords,
            .keepClosedRecords, .keepTasks, .keepPreferences, .takePayment, .seePayment, .readInvoices,
            .joinWaitlist, .keepWaitlist, .keepWebhooks, .replaceSystem, .keepContact,
            .recordRefund:
            nil
        }
    }
}
