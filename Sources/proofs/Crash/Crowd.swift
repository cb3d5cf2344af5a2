import API
import LoopbackClient
import Notation
import People

/// The clients of a proof: each has patients of its own, so that nobody changes what another was told about.
enum Crowd {
    static let clients = 16

    static func gathered(
        secret: [UInt8], seed: UInt64, http: Loopback, history: History, ledger: Ledger, bearsOutages: Bool = false
    ) async throws -> [Visitor] {
        let surroundings = Surroundings.machine()
        let tokens = Tokens(secret: secret, clock: surroundings.clock)
        let share = CrashClinic.patients / clients
        var visitors: [Visitor] = []
        for number in 0..<clients {
            var patients: [(String, String)] = []
            for patient in 1...share {
                let id = CrashClinic.patient(number * share + patient)
                patients.append(
                    (id.description, try await tokens.issue(for: Caller(role: .patient, subject: id.of()), lasting: .days(1))))
            }
            visitors.append(
                Visitor(
                    number: number, patients: patients, seed: seed, http: http, history: history, ledger: ledger,
                    identifiers: surroundings.identifiers, bearsOutages: bearsOutages))
        }
        return visitors
    }
}
