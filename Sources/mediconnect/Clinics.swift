import API
import Outbox
import ServiceLifecycle

/// The clinics of a node: one that is always open, or many that open and close.
protocol Clinics: Reception, Service {
    /// Those that are open now.
    var open: [Branch] { get }
    /// Why the node should be sent no requests at the moment; nil when all is well.
    func complaint() async -> String?
    /// Everything that can be checked, by name: `ok` or what is wrong. Anybody may read it, so it names no clinic.
    func parts() async -> [(name: String, state: String)]
}

/// One clinic, and whatever goes wrong with it goes wrong with the node.
struct SingleClinic: Clinics {
    let branch: Branch

    var open: [Branch] { [branch] }

    func receive<Answer: Sendable>(
        _ address: ClinicAddress, _ body: (Premises) async throws -> Answer
    ) async throws -> Answer { try await body(branch.premises) }

    func complaint() async -> String? { await branch.complaint.map { "The database \($0)." } }

    func parts() async -> [(name: String, state: String)] {
        let depth = try? await branch.outbox.depth()
        let failing = branch.sweeper.current.filter(\.value.isFailing).keys.map(\.rawValue).sorted()
        return [
            ("database", await branch.complaint ?? "ok"), ("outbox", depth == nil ? "cannot be read" : "ok"),
            ("sweeps", failing.isEmpty ? "ok" : "failing: \(failing.joined(separator: ", "))"),
        ]
    }

    func run() async throws { try await cancelWhenGracefulShutdown { try await branch.work() } }
}
