import ArgumentParser

@main
struct Proofs: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "proofs", abstract: "What this project claims about itself, shown by doing it.",
        subcommands: [
            Storm.self, Crash.self, Failover.self, Simulate.self, Bench.self, FaultyServer.self, Hello.self, MeasuredServer.self,
            Scenarios.self, Chaos.self,
        ])
}
