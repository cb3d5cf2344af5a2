import Foundation
import Processes
import Testing

/// A forgotten setting must not confirm payments that nobody made.
@Suite struct NotByAccident {
    private func check(_ settings: [String: String]) async throws -> (status: Int32, text: String) {
        let folder = try TemporaryFolder("settings")
        defer { folder.remove() }
        for (name, secret) in [("pay", "sk_test_simulated\n"), ("sign", "whsec_a, whsec_b\n"), ("empty", "\n")] {
            try Data(secret.utf8).write(to: URL(fileURLWithPath: folder.file(name)))
        }
        var environment = ["MEDICONNECT_DATA": folder.file("data")]
        for (name, value) in settings {
            environment["MEDICONNECT_\(name)"] = value.hasPrefix("@") ? folder.file(String(value.dropFirst())) : value
        }
        let ended = try await ChildProcess.run(Programs.mediconnect, ["check"], environment: environment, errors: nil)
        return (ended.status, ended.output.joined(separator: "\n"))
    }

    private let account = ["PAYMENTS_SECRET_FILE": "@pay", "PAYMENTS_SIGNING_FILE": "@sign"]

    @Test(arguments: ["http://127.0.0.1:8090/payments", "http://localhost:8090/payments"])
    func `a simulator is no destination until somebody says that this is a trial`(url: String) async throws {
        let settings = account.merging(["PAYMENTS_URL": url]) { $1 }
        let refused = try await check(settings)
        #expect(refused.status != 0)
        #expect(
            refused.text.contains(
                "payments.url: is on this machine, where only a simulator would be; set partners.simulator to true if this is a trial"
            ))
        let trial = try await check(settings.merging(["PARTNERS_SIMULATOR": "true"]) { $1 })
        #expect(trial.status == 0, "\(trial.text)")
    }

    @Test func `each destination is waited for as MC-2 has it, unless it is set otherwise`() async throws {
        let usual = try await check([:])
        for (destination, seconds) in [("sms", 5), ("mail", 5), ("push", 3), ("payments", 10), ("ehr", 30)] {
            let line = "partners.\(destination).… +seconds \(seconds), room 25, queue 100, calls 10, failures 50, rest 5"
            #expect(try usual.text.contains(Regex(line)), "\(destination): \(usual.text)")
        }
        let chosen = try await check(["PARTNERS_SMS_SECONDS": "8", "PARTNERS_SMS_CALLS": "4", "PARTNERS_EHR_ROOM": "3"])
        #expect(chosen.status == 0, "\(chosen.text)")
        #expect(chosen.text.contains("seconds 8, room 25, queue 100, calls 4, failures 50, rest 5"), "\(chosen.text)")
        #expect(chosen.text.contains("seconds 30, room 3,"), "\(chosen.text)")
    }

    @Test func `a mail server has figures of its own, set under the name that a mail service would have`() async throws {
        let server = ["MAIL_URL": "smtp://mail.clinic.example", "MAIL_FROM": "a@clinic.example"]
        func line(_ settings: [String: String]) async throws -> String {
            let found = try await check(server.merging(settings) { $1 })
            #expect(found.status == 0, "\(found.text)")
            return found.text.split(separator: "\n").first { $0.hasPrefix("partners.mail.") }.map(String.init) ?? "none"
        }
        #expect(try await line([:]).hasSuffix("seconds 30, room 4, queue 100, calls 5, failures 50, rest 10"))
        let chosen = try await line([
            "PARTNERS_MAIL_SECONDS": "45", "PARTNERS_MAIL_ROOM": "8", "PARTNERS_MAIL_QUEUE": "0", "PARTNERS_MAIL_CALLS": "3",
            "PARTNERS_MAIL_FAILURES": "80", "PARTNERS_MAIL_REST": "90",
        ])
        #expect(chosen.hasSuffix("seconds 45, room 8, queue 0, calls 3, failures 80, rest 90"), "\(chosen)")
        for (key, value, range) in [
            ("seconds", "121", "1 to 120"), ("room", "0", "1 to 64"), ("room", "65", "1 to 64"), ("queue", "-1", "0 to 10000"),
            ("calls", "few", "1 to 1000"), ("failures", "101", "1 to 100"), ("rest", "1.5", "1 to 900"),
        ] {
            let found = try await check(server.merging(["PARTNERS_MAIL_\(key.uppercased())": value]) { $1 })
            #expect(found.status != 0 && found.text.contains("partners.mail.\(key): must be from \(range)"), "\(found.text)")
            #expect(found.text.contains("where each letter has a thread") == (key == "room"), "\(found.text)")
        }
        // A service over HTTP needs no threads.
        #expect(try await check(["PARTNERS_MAIL_ROOM": "65"]).status == 0)
    }

    @Test func `an account is whole or none, its addresses are of the internet, and no secret is printed`() async throws {
        let whole = try await check(account)
        #expect(whole.status == 0 && whole.text.contains("https://api.stripe.com"), "\(whole.text)")
        #expect(!whole.text.contains("sk_test") && !whole.text.contains("whsec"))
        for (settings, complaint) in [
            (["PAYMENTS_SECRET_FILE": "@pay"], "payments.signing.file: is needed with payments.secret.file"),
            (["PAYMENTS_SECRET_FILE": "@none"], "cannot be read, or is empty"),
            (["PAYMENTS_SECRET_FILE": "@empty"], "cannot be read, or is empty"),
            (account.merging(["PAYMENTS_URL": "http://stripe.example.org"]) { $1 }, "payments.url: must begin with https://"),
            (account.merging(["PAYMENTS_URL": "https://10.0.0.1"]) { $1 }, "payments.url: must lead to the internet"),
            (["SMS_ACCOUNT": "AC1", "SMS_TOKEN": "t", "SMS_SENDER": "12"], "sms.sender: must be a number"),
            (["PARTNERS_OPEN": "nobody"], "partners.open: must be some of"),
            (["PARTNERS_OPEN": "sms", "PARTNERS_UNGUARDED": "sms"], "sms cannot be both open and unguarded"),
            (["PARTNERS_NETWORK": "sms.clinic.lan"], "partners.network: must be"),
            (
                ["MAIL_SERVICE_KEY_FILE": "@pay", "MAIL_FROM": "a@clinic.example", "MAIL_SERVICE_LOOKUP": "soon"],
                "mail.service.lookup: must be from 1 to 3600"
            ),
            (["PARTNERS_SMS_SECONDS": "0"], "partners.sms.seconds: must be from 1 to 120"),
            (["PARTNERS_EHR_FAILURES": "half"], "partners.ehr.failures: must be from 1 to 100"),
            (["MAIL_SERVICE_KEY_FILE": "@pay"], "mail.from: is needed with mail.service.key"),
            (
                ["MAIL_SERVICE_KEY_FILE": "@pay", "MAIL_FROM": "a@clinic.example", "MAIL_URL": "smtp://mail.clinic.example"],
                "mail.service.key: cannot be combined with mail.url"
            ),
            (["RECORDS_URL": "https://records.example.org/fhir"], "records.tokens: is needed with records.url"),
            (["BROKER_URL": "amqps://broker.example.org"], "broker.user: and broker.password.file are needed"),
            (["BROKER_URL": "amqp://broker.example.org"], "broker.url: amqp:// is only for a broker on this machine"),
            (["BROKER_URL": "http://broker.example.org"], "broker.url: must be amqps://"),
            (["PUSH_ACCOUNT_FILE": "@pay"], "is no service account's file"),
            (["SCHEDULING_PROVIDERS": "north", "SCHEDULING_TOKEN": "t"], "scheduling.providers: must be name="),
        ] {
            let (status, text) = try await check(settings)
            #expect(status != 0 && text.contains(complaint), "\(settings): \(text)")
        }
    }
}
