import Connectors
import Foundation
import Notation
import Partners
import Processes
import Testing

/// Notices to devices through Firebase Cloud Messaging.
@Suite struct Notices {
    /// A service account with a key made up for one test.
    private func account(_ simulator: TrialSimulator) async throws -> ServiceAccount {
        let made = try await ChildProcess.run(
            "/usr/bin/openssl", ["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"])
        let key = made.output.joined(separator: "\\n") + "\\n"
        let file =
            #"{"type":"service_account","project_id":"clinic","private_key_id":"k1","client_email":"p@clinic.example","token_uri":"\#(simulator.base)/push/token","private_key":"\#(key)"}"#
        return try #require(ServiceAccount(parsing: Array(file.utf8)))
    }

    private func connector(_ simulator: TrialSimulator, seconds: Int = 10) async throws -> PushConnector {
        var settings = PushSettings(account: try await account(simulator))
        settings.base = "\(simulator.base)/push"
        return PushConnector(
            settings, way: try simulator.way(.push, seconds: seconds), tokens: try simulator.way(.push), clock: MachineClock())
    }

    private func notice(_ device: String = "device-1", expires: Instant? = nil) -> PushNotice {
        PushNotice(device: Personal(device), title: "City Clinic", words: "There is news for you.", expires: expires)
    }

    @Test(arguments: OnceForEachKey.troubles) func `nobody sees a notice twice, whatever happens on the way`(
        trouble: OnceForEachKey.Trouble
    ) async throws {
        try await TrialSimulator.run { simulator in
            let connector = try await connector(simulator, seconds: trouble.seconds)
            #expect(await connector.send(notice("device-0"), key: EffectKey("n-0")!) == .done(.taken))
            try await simulator.set("push", trouble.mode)
            let first = await connector.send(notice(), key: EffectKey("n-1")!)
            #expect(first.kind == trouble.known, "\(first)")
            #expect(try await simulator.count("push", "notice", "device-1 n-1", once: trouble.done) == trouble.done)
            try await simulator.set("push", "{}")
            let again = await (try await self.connector(simulator)).send(notice(), key: EffectKey("n-1")!)
            #expect(again == .done(.taken))
            #expect(try await simulator.count("push", "notice", "device-1 n-1").done == 1)
        }
    }

    @Test func `where tokens are spared, what is set for notices meets a notice`() async throws {
        try await TrialSimulator.run { simulator in
            try await simulator.set("push", #"{"silent":true,"times":1}"#)
            #expect(await (try await connector(simulator, seconds: 1)).send(notice(), key: EffectKey("n-1")!).kind != .done)
            #expect(try await simulator.count("push", "notice", "device-1 n-1").done == 0, "it met the token")
            try await simulator.set("push", #"{"silent":true,"times":1,"sparesTokens":true}"#)
            #expect(await (try await connector(simulator, seconds: 3)).send(notice(), key: EffectKey("n-2")!).kind != .done)
            #expect(try await simulator.count("push", "notice", "device-1 n-2", once: 1) == 1)
        }
    }

    @Test func `a device that is gone says so, and what is too late is not sent`() async throws {
        try await TrialSimulator.run { simulator in
            let connector = try await connector(simulator)
            #expect(await connector.send(notice("gone-1"), key: EffectKey("n-1")!) == .done(.gone))
            let late = notice(expires: Instant("2026-03-02T09:00:00Z")!)
            #expect(await connector.send(late, key: EffectKey("n-2")!) == .never(reason: "it is too late for this notice"))
            try await simulator.set("push", #"{"refuses":true}"#)
            #expect(
                await connector.send(notice(), key: EffectKey("n-3")!) == .never(reason: "it said no (400, INVALID_ARGUMENT)"))
        }
    }

    @Test func `says until when it is worth something, what it is about and where it leads, and shows no more than its words`()
        async throws
    {
        try await TrialSimulator.run { simulator in
            let now = Instant("2026-03-02T09:00:00Z")!
            let format = FCMFormat(PushSettings(account: try await account(simulator)))
            let notice = PushNotice(
                device: Personal("d"), title: "City Clinic", words: "Your visit",
                link: "https://clinic.example/visit/answer#mca_1",
                about: "visit-1", expires: now + .minutes(2))
            let message = try JSON(parsing: format.sending(notice, key: EffectKey("m-1")!, now: now).body)["message"]
            #expect(message?["android"]?["ttl"]?.string == "120s" && message?["android"]?["collapse_key"]?.string == "visit-1")
            #expect(message?["apns"]?["headers"]?["apns-expiration"]?.string == "\(now.secondsSince1970 + 120)")
            #expect(message?["webpush"]?["fcm_options"]?["link"]?.string == "https://clinic.example/visit/answer#mca_1")
            #expect(message?["data"]?["link"]?.string == "https://clinic.example/visit/answer#mca_1")
            let shown = message?["notification"]
            #expect(shown?.members?.map(\.name) == ["title", "body"] && shown?["body"]?.string == "Your visit")
        }
    }

    /// Read by OpenSSL, which had no part in writing it.
    @Test func `asks for a token with its own signature, for notices only, for an hour`() async throws {
        try await TrialSimulator.run { simulator in
            let folder = try TemporaryFolder("assertion")
            defer { folder.remove() }
            let (account, now) = (try await account(simulator), Instant("2026-03-02T09:00:00Z")!)
            let asked = try await account.asking(FCMFormat.scope, now: now)
            #expect(asked.url == "\(simulator.base)/push/token")
            let form = String(decoding: asked.body, as: UTF8.self)
            #expect(form.hasPrefix("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion="), "\(form)")
            let parts = form.split(separator: "=").last!.split(separator: ".").map(String.init)
            let header = try JSON(parsing: try Self.bytes(parts[0]))
            #expect(header["alg"]?.string == "RS256" && header["kid"]?.string == "k1", "\(header)")
            let claims = try JSON(parsing: try Self.bytes(parts[1]))
            #expect(claims["iss"]?.string == "p@clinic.example" && claims["aud"]?.string == account.tokens)
            #expect(claims["scope"]?.string == "https://www.googleapis.com/auth/firebase.messaging")
            #expect(claims["iat"]?.integer == now.secondsSince1970 && claims["exp"]?.integer == now.secondsSince1970 + 3_600)

            func write(_ name: String, _ bytes: some Sequence<UInt8>) throws {
                try Data(bytes).write(to: URL(fileURLWithPath: folder.file(name)))
            }
            try write("key", account.key.revealed.utf8)
            try write("signature", try Self.bytes(parts[2]))
            let made = try await ChildProcess.run(
                "/usr/bin/openssl", ["pkey", "-in", folder.file("key"), "-pubout", "-out", folder.file("public")])
            #expect(made.status == 0)
            for (text, isGood) in [("\(parts[0]).\(parts[1])", true), ("\(parts[0]).\(parts[1])x", false)] {
                try write("text", text.utf8)
                let (status, said) = try await ChildProcess.run(
                    "/usr/bin/openssl",
                    [
                        "dgst", "-sha256", "-verify", folder.file("public"), "-signature", folder.file("signature"),
                        folder.file("text"),
                    ])
                #expect((status == 0) == isGood, "\(said)")
            }
        }
    }

    private static func bytes(_ text: String) throws -> [UInt8] {
        let plain = text.replacing("-", with: "+").replacing("_", with: "/")
        return Array(try #require(Data(base64Encoded: plain + String(repeating: "=", count: (4 - plain.count % 4) % 4))))
    }

    @Test(arguments: ["", "{}", #"{"type":"authorized_user"}"#])
    func `a file that is no service account is refused`(file: String) {
        #expect(ServiceAccount(parsing: Array(file.utf8)) == nil)
    }
}
