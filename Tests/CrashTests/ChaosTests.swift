import Processes
import Testing

/// GF-3, MC-2, MC-12: what a booking sets off, with everything broken that can break. `./dev chaos` plays longer.
@Suite("Chaos", .serialized)
struct ChaosTests {
    @Test(
        "workers killed at each step, a database restarted, a worker paused and partners in every mode lose nothing and do nothing twice",
        .timeLimit(.minutes(15)), arguments: ["sqlite", "postgres"])
    func nothingIsLost(engine: String) async throws {
        let (status, output) = try await ChildProcess.run(
            Programs.proofs, ["chaos", "--quick", "--engine", engine, "--seed", "1"])
        #expect(status == 0, "\(output.suffix(40).joined(separator: "\n"))")
        #expect(output.contains { $0.contains("nothing that was acknowledged is lost, and nothing was done twice") })
    }

    /// The negative control: a proof that cannot fail proves nothing.
    @Test(
        "a worker that forgets whom it has called is found out", .timeLimit(.minutes(10)), arguments: ["sqlite", "postgres"])
    func forgetful(engine: String) async throws {
        let (status, output) = try await ChildProcess.run(
            Programs.proofs, ["chaos", "--faulty", "--engine", engine, "--seed", "1"])
        #expect(status == 1)
        #expect(output.contains { $0.hasPrefix("VIOLATION twice: sms") }, "\(output.suffix(25).joined(separator: "\n"))")
    }
}
