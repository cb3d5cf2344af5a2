import Notation
import People
import Workflows

// What commands share that ask the clinic, or change something in it.

/// Shows something of a clinic, beside whoever serves it.
func lookingAtClinic(_ options: ClinicOptions, _ body: (Clinic) async throws -> Void) async throws {
    try await reported {
        let settings = try await Settings.read(options)
        let engine = try Engine.looking(settings)
        let clinic = Clinic(
            database: engine.database, surroundings: .machine(), master: House.master(settings), settings: settings.clinic)
        do { try await body(clinic) } catch {
            await engine.close()
            throw error
        }
        await engine.close()
    }
}

extension House {
    /// Its clinic, which can read what is sealed.
    func openClinic() async throws -> Clinic {
        let clinic = Clinic(database: database, surroundings: surroundings, master: master, settings: settings.clinic)
        try await clinic.readKeys()
        return clinic
    }
}

extension Call {
    /// Of whoever sits at the machine.
    ///
    /// - Parameter operation: the command as it is typed: `webhooks add`.
    static func typed(_ operation: String) -> Call {
        var call = Call(caller: .clinic, requestID: "command-line", operation: operation)
        call.operatorName = UserCommand.principal
        return call
    }
}

extension Wording {
    /// Nobody is answered.
    static var unheard: Wording {
        Wording(done: { _ in StoredAnswer(status: 200, body: []) }, refused: { _ in StoredAnswer(status: 409, body: []) })
    }
}
