import Foundation
import LoopbackClient
import Notation
import Processes
import Testing

enum Programs {
    private static let folder =
        (((try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]) as NSString)
        .deletingLastPathComponent

    static let mediconnect = folder + "/mediconnect"
}

@Suite struct TheSimulator {
    private func run<Answer>(
        _ flags: [String] = [], _ body: (_ base: String, _ client: Loopback) async throws -> Answer
    ) async throws -> Answer {
        let folder = try TemporaryFolder("simulator")
        defer { folder.remove() }
        let server = try await RunningServer.start(
            Programs.mediconnect, ["simulator", "--port", "0"] + flags, errors: folder.file("errors"))
        let client = Loopback()
        let result: Result<Answer, any Error>
        do {
            let answer = try await body(server.base, client)
            result = .success(answer)
        } catch { result = .failure(error) }
        await client.close()
        let status = await server.stop()
        #expect(status == 0)
        return try result.get()
    }

    private let secret = ["Authorization": "Bearer sk_test_simulated", "Content-Type": "application/x-www-form-urlencoded"]

    private func open(_ base: String, _ client: Loopback, key: String, amount: Int = 4500) async throws -> Loopback.Reply {
        try await client.send(
            "POST", "\(base)/payments/v1/payment_intents", key: key, headers: secret,
            body: Array("amount=\(amount)&currency=eur".utf8))
    }

    @Test func `it answers at this machine's own address, to this machine's own names, and to no page elsewhere`() async throws {
        try await run { base, client in
            #expect(try await client.send("GET", "\(base)/health").status == 200)
            let port = base.split(separator: ":").last!
            await #expect(throws: (any Error).self) { try await client.send("GET", "http://127.0.0.2:\(port)/health") }
            #expect(try await client.send("GET", "\(base)/health", headers: ["Host": "clinic.example"]).status == 403)
            for path in ["ledger", "pages/pay"] {
                let reply = try await client.send("POST", "\(base)/\(path)", headers: ["Origin": "https://evil.example"])
                #expect(reply.status == 403)
            }
        }
    }

    @Test func `it tells nobody but this machine what happened`() async throws {
        try await run { base, client in
            for url in [
                "http://clinic.example/in", "https://127.0.0.1/in", "http://127.0.0.1@evil.example/", "ftp://127.0.0.1/", "x",
            ] {
                let body = Array(#"{"url":"\#(url)"}"#.utf8)
                let status = try await client.send("PUT", "\(base)/callbacks/payments", body: body).status
                #expect(status == 400, "\(url)")
            }
        }
    }

    @Test(arguments: [
        (#"{"errors":1.5}"#, "errors must be from 0 to 1"), (#"{"delay":-1}"#, "delay must be from 0 to 600000 milliseconds"),
        (#"{"hangs":true}"#, "hangs is not known here"), (#"{"hang":"yes"}"#, "a member has another type than it must have"),
        ("[]", "must be a JSON object"), ("", "must be a JSON object"), (#"{"times":0}"#, "times must be from 1 to 1000000"),
    ])
    func `a mode it does not have is refused by name, and changes nothing`(mode: String, detail: String) async throws {
        try await run { base, client in
            let reply = try await client.send("PUT", "\(base)/modes/payments", body: Array(mode.utf8))
            #expect(reply.status == 400 && reply.text == #"{"error":"\#(detail)"}"#)
            #expect(try await client.send("GET", "\(base)/modes").text.contains(#""payments":{}"#))
            #expect(try await client.send("PUT", "\(base)/modes/nobody", body: Array("{}".utf8)).status == 404)
        }
    }

    @Test func `a mode that spares reading is for changes only, and reading uses up none of its times`() async throws {
        try await run { base, client in
            func read() async throws -> Int {
                try await client.send("GET", "\(base)/payments/v1/payment_intents", headers: secret).status
            }
            _ = try await client.send(
                "PUT", "\(base)/modes/payments", body: Array(#"{"errors":1,"times":1,"sparesReads":true}"#.utf8))
            for _ in 0..<3 { #expect(try await read() == 200) }
            #expect(try await open(base, client, key: "k-1").status == 500)
            #expect(try await open(base, client, key: "k-1").status == 200)
            _ = try await client.send("PUT", "\(base)/modes/payments", body: Array(#"{"errors":1,"times":1}"#.utf8))
            #expect(try await read() == 500)
            #expect(try await open(base, client, key: "k-2").status == 200)
        }
    }

    @Test func `a mode for so many requests also holds for what is done twice`() async throws {
        try await run { base, client in
            let key = Data("AC00:simulated-token".utf8).base64EncodedString()
            func counts(_ part: String, _ what: String) async throws -> [Int64] {
                let ledger = try JSON(parsing: try await client.send("GET", "\(base)/ledger?destination=\(part)").body)
                return (ledger["effects"]?.array ?? []).filter { $0["what"]?.string == what }.compactMap { $0["count"]?.integer }
            }
            for part in ["payments", "sms", "mail"] {
                _ = try await client.send("PUT", "\(base)/modes/\(part)", body: Array(#"{"twice":true,"times":1}"#.utf8))
            }
            for number in 0..<2 {
                _ = try await open(base, client, key: "k-\(number)")
                _ = try await client.send(
                    "POST", "\(base)/sms/2010-04-01/Accounts/AC00/Messages.json",
                    headers: ["Authorization": "Basic \(key)", "Content-Type": "application/x-www-form-urlencoded"],
                    body: Array("To=%2B491701234567&From=%2B4930100200&Body=words".utf8))
                let mail =
                    #"{"personalizations":[{"to":[{"email":"e@demo.example"}]}],"from":{"email":"c@demo.example"},"subject":"s","content":[{"type":"text/plain","value":"t"}]}"#
                _ = try await client.send(
                    "POST", "\(base)/mail/v3/mail/send", token: "SG.simulated",
                    body: Array(mail.utf8))
            }
            #expect(try await counts("payments", "payment") == [2, 1])
            #expect(try await counts("sms", "text") == [2, 1])
            #expect(try await counts("mail", "mail") == [2, 1])
        }
    }

    @Test func `the same seed has the same luck, another has another`() async throws {
        func luck(_ seed: Int) async throws -> [Int] {
            try await run(["--seed", "\(seed)"]) { base, client in
                _ = try await client.send("PUT", "\(base)/modes/payments", body: Array(#"{"errors":0.5}"#.utf8))
                var statuses: [Int] = []
                for number in 0..<40 { statuses.append(try await open(base, client, key: "k-\(number)").status) }
                return statuses
            }
        }
        let (first, second, other) = (try await luck(7), try await luck(7), try await luck(8))
        #expect(first == second && first != other)
        #expect(Set(first) == [200, 500])
    }

    @Test func `what it did is there after a restart, and a key is still known`() async throws {
        let folder = try TemporaryFolder("simulated")
        defer { folder.remove() }
        let flags = ["--data", folder.path]
        let first = try await run(flags) { base, client in try await open(base, client, key: "k-1").text }
        // A line that a crash cut off.
        let journal = try FileHandle(forWritingTo: URL(fileURLWithPath: folder.file("simulator.jsonl")))
        try journal.seekToEnd()
        try journal.write(contentsOf: Data(#"{"kind":"inte"#.utf8))
        try journal.close()
        try await run(flags) { base, client in
            let again = try await open(base, client, key: "k-1")
            #expect(again.text == first && again.isReplay)
            let ledger = try JSON(parsing: try await client.send("GET", "\(base)/ledger?destination=payments").body)
            let effect = try #require(ledger["effects"]?.array?.first)
            #expect(effect["key"]?.string == "k-1" && effect["count"]?.integer == 1 && effect["repeats"]?.integer == 1)
            #expect(try await open(base, client, key: "k-2").status == 200)
        }
        // And once more, behind the line that was cut off.
        try await run(flags) { base, client in
            let ledger = try await client.send("GET", "\(base)/ledger").text
            #expect(ledger.contains(#""key":"k-1""#) && ledger.contains(#""key":"k-2""#))
        }
    }

    @Test func `its page shows what was done, says nothing twice as markup, and has buttons`() async throws {
        try await run { base, client in
            let form = "To=%2B491701234567&From=%2B4930100200&Body=%3Cscript%3Ealert(1)%3C%2Fscript%3E"
            let basic = Data("AC00:simulated-token".utf8).base64EncodedString()
            _ = try await client.send(
                "POST", "\(base)/sms/2010-04-01/Accounts/AC00/Messages.json",
                headers: ["Authorization": "Basic \(basic)", "Content-Type": "application/x-www-form-urlencoded"],
                body: Array(form.utf8))
            _ = try await open(base, client, key: "k-1")
            let page = try await client.send("GET", "\(base)/").text
            #expect(page.contains("&lt;script&gt;alert(1)") && !page.contains("<script>"))
            #expect(page.contains("45.00 eur") && page.contains("action=\"/pages/pay\"") && page.contains("width=device-width"))
            #expect(page.contains("Nothing here is real"))
        }
    }

    @Test func `it keeps the last ten thousand effects and forgets the oldest`() async throws {
        try await run { base, client in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for lane in 0..<16 {
                    group.addTask {
                        for number in 0..<700 {
                            let status = try await open(base, client, key: "k-\(lane)-\(number)").status
                            #expect(status == 200)
                        }
                    }
                }
                try await group.waitForAll()
            }
            let ledger = try JSON(parsing: try await client.send("GET", "\(base)/ledger?destination=payments").body)
            #expect(ledger["forgotten"]?.integer == 1000 && ledger["effects"]?.array?.count == 10_200)
            #expect(ledger["destinations"]?["payments"]?["effects"]?.integer == 11_200)
        }
    }
}
