import Notation

/// Something wrong, put in on purpose: whoever looks has to see it. One for each aspect, as each is looked at.
enum PlantedFault: String, CaseIterable, Sendable {
    /// The other calendar says no.
    case refused
    /// A first attempt fails.
    case stumbled
    /// What is asked for is done twice.
    case twice
    /// A patient's name in the log.
    case named
    /// Work that nobody has counted.
    case uncounted
    /// Work that was given up.
    case parked

    /// What has to see it.
    var seenBy: Aspect {
        switch self {
        case .refused: .states
        case .stumbled: .attempts
        case .twice: .ledger
        case .named: .log
        case .uncounted: .metrics
        case .parked: .outbox
        }
    }

    /// What partners do from the beginning, as the simulator's modes have it.
    var mode: String? {
        switch self {
        case .refused: #"{"refuses":true}"#
        case .stumbled: #"{"errors":1,"times":1,"sparesTokens":true,"sparesReads":true}"#
        case .twice: #"{"twice":true}"#
        case .named, .uncounted, .parked: nil
        }
    }

    var parts: [String] { ["scheduling", "payments", "sms", "mail", "fhir"] }
}

extension ScenarioClinic {
    /// What is put in when everything has happened.
    func plant(_ fault: PlantedFault) async throws {
        switch fault {
        case .refused, .stumbled, .twice: break
        case .named: say(inTheLog: "Emma Sample was here")
        case .uncounted: try await leave("done")
        case .parked: try await leave("dead")
        }
    }

    private func leave(_ state: String) async throws {
        let id = sql(id: "01900000-0000-7000-8000-00000000f001")
        try await tamper(
            """
            INSERT INTO outbox (id, topic, payload, priority, state, available_at, attempt, max_attempts, lease, created_at, finished_at)
            VALUES (\(id), 'scheduling.request', '{}', 1, '\(state)', \(sql(now)), 1, 1, 1, \(sql(now)), \(sql(now)))
            """)
    }
}
