import Processes
import Testing

/// GF-3, MC-2, MC-12, HB-4: what a booking sets off, with everything broken that can break. `./dev chaos` plays longer.
@Suite("Chaos", .serialized)
struct ChaosTests {
    @Test(
        "workers killed at each step, a database restarted, a worker paused and partners in every mode lose nothing and do nothing twice",
        .timeLimit(.minutes(30)), arguments: ["sqlite", "postgres"])
    func nothingIsLost(engine: String) async throws {
        let (status, output) = try await ChildProcess.run(
            Programs.proofs, ["chaos", "--quick", "--engine", engine, "--seed", "1"])
        #expect(status == 0, "\(output.suffix(40).joined(separator: "\n"))")
        #expect(output.contains { $0.contains("nothing that was acknowledged is lost, and nothing was done twice") })
    }

    /// The negative control: a proof that cannot fail proves nothing.
    @Test(
        "a worker that forgets whom it has called and whom it was to tell is found out, and so is a carrier that does things twice",
        .timeLimit(.minutes(20)), arguments: ["sqlite", "postgres"])
    func forgetful(engine: String) async throws {
        let (status, output) = try await ChildProcess.run(
            Programs.proofs, ["chaos", "--faulty", "--engine", engine, "--seed", "1"])
        #expect(status == 1)
        // A fault was planted for each of them, and each has to be seen.
        for flaw in [
            "twice: sms has done text", "twice: push has done notice", "lost: the subscriber was not told of",
            "lost: the bus has not heard of", #"lost: (phone|watch)-\d was not told of message \S+, where it counts as taken"#,
        ] {
            let pattern = try Regex("^VIOLATION \(flaw)")
            #expect(output.contains { $0.contains(pattern) }, "\(flaw):\n\(output.suffix(60).joined(separator: "\n"))")
        }
    }
}
