import ArgumentParser

@main
struct MediConnect: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mediconnect",
        abstract: "Books appointments for clinics, and never books two people into one place.",
        discussion: """
            Settings come from flags, then from the environment (MEDICONNECT_…), then from a file (--settings FILE, a JSON \
            object). 'mediconnect check' lists them, where each came from, and what is wrong.
            """,
        version: version,
        subcommands: [
            Serve.self, Migrate.self, Seed.self, Import.self, Token.self, Check.self, Mailbox.self, DeadLetterCommand.self,
            MoveCommand.self, AuditCommand.self, UserCommand.self, ServiceCommand.self, KeysCommand.self,
            PatientsCommand.self, PaymentsCommand.self, SyncCommand.self, WebhooksCommand.self,
            LegacyCommand.self,
            SimulatorCommand.self,
        ])

    static let version = "0.1.0"
}
