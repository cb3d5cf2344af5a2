import Foundation
import LoopbackClient
import PostgresCluster
import Processes
import Testing

/// HB-7, MC-4, MC-8, MC-16: when somebody is called. The rules are what an operator copies, so all of them are held against a real server and read by
/// Prometheus' own tool.
@Suite("Alarms")
final class AlarmTests {
    private let folder: TemporaryFolder
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../..").standardized.path
    private static let rules = "\(root)/deploy/prometheus/mediconnect.rules.yml"
    private static let tests = "\(root)/deploy/prometheus/mediconnect.tests.yml"

    init() throws { folder = try TemporaryFolder("alarms") }
    deinit { folder.remove() }

    /// One rule, as its lines have it.
    private struct Alarm {
        let name: String
        let expression: String
        let severity: String
        let summary: String
        let runbook: String
    }

    private func text(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

    private func alarms(_ rules: String) -> [Alarm] {
        rules.components(separatedBy: "- alert: ").dropFirst().map { part in
            func after(_ word: String) -> String {
                let line = part.split(separator: "\n").first { $0.contains(word) } ?? ""
                return String(line.components(separatedBy: word).dropFirst().joined(separator: word))
                    .trimmingCharacters(in: .whitespaces).trimmingCharacters(in: ["'"])
            }
            return Alarm(
                name: String(part.prefix { $0 != "\n" }), expression: after("expr: ").replacing("''", with: "'"),
                severity: after("severity: ").replacing(" }", with: ""), summary: after("summary: "), runbook: after("runbook: "))
        }
    }

    // MARK: What they ask for

    /// A metric in an expression, and what its labels have to be: name, how, value.
    private struct Selector: Equatable {
        let metric: String
        let labels: [[String]]

        static func all(in expression: String) -> [Selector] {
            expression.matches(of: /\b(mediconnect_[a-z_0-9]+)(?:\{([^}]*)\})?/).map { match in
                let labels = (match.2 ?? "").matches(of: /([a-z_]+)(=~|!~|!=|=)"([^"]*)"/).map {
                    ["\($0.1)", "\($0.2)", "\($0.3)"]
                }
                return Selector(metric: String(match.1), labels: labels)
            }
        }

        /// Whether a line of `/metrics` is one of those that are meant.
        func means(_ line: Substring) throws -> Bool {
            guard line.prefix(while: { $0 != "{" && $0 != " " }) == metric else { return false }
            let shown = line.matches(of: /([a-z_]+)="([^"]*)"/).reduce(into: [:]) { $0[String($1.1)] = String($1.2) }
            return try labels.allSatisfy { label in
                let value = shown[label[0]] ?? ""
                switch label[1] {
                case "=": return value == label[2]
                case "!=": return value != label[2]
                case "=~": return try Regex(label[2]).wholeMatch(in: value) != nil
                default: return try Regex(label[2]).wholeMatch(in: value) == nil
                }
            }
        }
    }

    /// What rules ask for and a server does not show.
    private func unknown(_ rules: String, to metrics: String) throws -> [String] {
        let lines = metrics.split(separator: "\n").filter { !$0.hasPrefix("#") }
        var unknown: [String] = []
        for alarm in alarms(rules) {
            for selector in Selector.all(in: alarm.expression) {
                let isShown = try lines.contains { try selector.means($0) }
                if !isShown { unknown.append("\(alarm.name): \(selector.metric) \(selector.labels)") }
            }
        }
        return unknown
    }

    /// What a server shows that has just been started.
    private func shown(_ more: [String] = []) async throws -> String {
        let server = try await RunningServer.start(
            Programs.server, ["serve", "--demo", "--data", folder.file("data"), "--port", "0"] + more,
            // Limits are on, as an operator has them.
            environment: ["MEDICONNECT_LIMITS_RATES": "on", "MEDICONNECT_LIMITS_OVERLOAD": "on"], errors: folder.file("log"))
        let http = Loopback()
        let metrics = try await http.send("GET", server.base + "/metrics").text
        await http.close()
        #expect(await server.stop() == 0)
        return metrics
    }

    @Test("go by metrics and labels a server shows from its start")
    func metrics() async throws {
        let rules = try text(Self.rules)
        let served = try await PrivateCluster.withCluster(durable: false) { cluster in
            try await shown(["--database", try await cluster.freshDatabase().url])
        }
        let missing = try unknown(rules, to: served)
        #expect(missing.isEmpty, "\(missing)")
        // The embedded database has no connections to wait for.
        let embedded = try await shown()
        let elsewhere = try unknown(rules, to: embedded)
        #expect(elsewhere.allSatisfy { $0.hasPrefix("MediConnectPool") }, "\(elsewhere)")
        #expect(Set(alarms(rules).flatMap { Selector.all(in: $0.expression).map(\.metric) }).count >= 20)
        // The negative control: a metric, a label and a value nobody shows.
        for (right, wrong) in [
            ("mediconnect_outbox_dead", "mediconnect_outbox_deed"), (#"sweep="holds""#, #"sweep="hold""#),
            (#"topic=~"payment[.].+|incoming[.]payments""#, #"topic=~"money[.].+""#), (#"state="dead""#, #"status="dead""#),
            (#"kind=~"payment-.+|refund-.+""#, #"kind=~"money-.+""#),
        ] {
            #expect(rules.contains(right))
            #expect(try !unknown(rules.replacing(right, with: wrong), to: served).isEmpty, "\(wrong)")
        }
    }

    @Test("the data folder's disk is shown as the machine has it")
    func disk() async throws {
        let metrics = try await shown()
        func figure(_ name: String) -> Double {
            metrics.split(separator: "\n").first { $0.hasPrefix("\(name) ") }?.split(separator: " ").last.flatMap { Double($0) }
                ?? -1
        }
        let known = try FileManager.default.attributesOfFileSystem(forPath: folder.path)
        let all = try #require(known[.systemSize] as? NSNumber).doubleValue
        #expect(figure("mediconnect_data_disk_bytes") == all)
        #expect((0...all).contains(figure("mediconnect_data_disk_free_bytes")))
    }

    @Test("each metric of the ways out is shown from the start and in the guide, and the guide has no other")
    func guide() async throws {
        let names = { (text: String) in Set(text.matches(of: /mediconnect_outbound_[a-z_]+[a-z]/).map { String($0.output) }) }
        let metrics = try await shown()
        let shown = names(metrics.split(separator: "\n").filter { $0.hasPrefix("# TYPE ") }.joined(separator: "\n"))
        let told = names(try text("\(Self.root)/docs/guides/connecting.md"))
        // How long calls take nobody knows before the first.
        #expect(told == shown.union(["mediconnect_outbound_duration_seconds"]), "\(told.symmetricDifference(shown))")
        for line in [
            #"calls_total{destination="mail",outcome="resting"} 0"#, #"calls_total{destination="oidc",outcome="done"} 0"#,
            #"opened_total{destination="oidc"} 0"#, #"under_way{destination="webhooks"} 0"#, #"waiting{destination="sms"} 0"#,
            #"repeats_left{destination="oidc"} 10"#, #"breaker{destination="mail"} 0"#,
        ] {
            #expect(metrics.contains("mediconnect_outbound_\(line)\n"), "\(line)")
        }
    }

    // MARK: What they are

    @Test("each says what it is, how urgent, and where it stands what to do")
    func words() throws {
        let (rules, page) = (alarms(try text(Self.rules)), try text("\(Self.root)/docs/runbooks/alerts.md"))
        #expect(rules.count > 20 && Set(rules.map(\.name)).count == rules.count)
        let anchors = page.split(separator: "\n").filter { $0.hasPrefix("## ") }
            .map { $0.dropFirst(3).lowercased().replacing(" ", with: "-") }
        for alarm in rules {
            #expect(["page", "ticket"].contains(alarm.severity), "\(alarm)")
            #expect(!alarm.summary.isEmpty, "\(alarm)")
            let parts = alarm.runbook.components(separatedBy: "#")
            #expect(parts.count == 2 && parts[0] == "docs/runbooks/alerts.md" && anchors.contains(parts[1]), "\(alarm)")
            #expect(page.contains("`\(alarm.name)`"), "the page names \(alarm.name)")
        }
        // And nothing that is not there any more.
        for name in page.matches(of: /`(MediConnect[A-Za-z]+)`/).map({ String($0.1) }) {
            #expect(rules.contains { $0.name == name }, "\(name)")
        }
    }

    private func promtool(_ arguments: String...) async throws -> (status: Int32, said: String) {
        let ended = try await ChildProcess.run("/usr/bin/promtool", arguments, errors: nil)
        return (ended.status, ended.output.joined(separator: "\n"))
    }

    @Test("Prometheus reads them, and each calls when it has to and else is silent")
    func behaviour() async throws {
        let checked = try await promtool("check", "rules", Self.rules)
        let names = alarms(try text(Self.rules)).map(\.name)
        #expect(checked.status == 0 && checked.said.contains("\(names.count) rules found"), "\(checked.said)")
        let tested = try await promtool("test", "rules", Self.tests)
        #expect(tested.status == 0, "\(tested.said.suffix(2_000))")
        // Each has figures at which it calls, and some at which it does not.
        let cases = try text(Self.tests).components(separatedBy: "alertname: ").dropFirst()
        for name in names {
            let own = cases.filter { $0.hasPrefix("\(name)\n") }
            #expect(own.contains { $0.contains("exp_labels") } && own.contains { $0.contains("exp_alerts: []") }, "\(name)")
        }
    }

    /// The negative control: another limit, another wait, another comparison are found out by the figures of their alarm.
    @Test(
        "a rule that is not as it was is found out by its figures",
        arguments: [
            ("MediConnectManyDeadLetters", ">= 100", ">= 101"), ("MediConnectFeedLag", "> 60", "> 600"),
            ("MediConnectErrors", "> 0.05", "> 0.5"), ("MediConnectSyncOut", "> 0", ">= 0"),
            ("MediConnectByHand", "for: 2h", "for: 4h"),
            ("MediConnectPaymentsLeft", "payment-.+|refund-.+", "payment-.+"),
            ("MediConnectPaymentsLeft", "|incoming[.]payments", ""),
            // Without it somebody whom nobody calls any more would be left alone for ever.
            ("MediConnectLeftAlone", " and max_over_time(mediconnect_outbound_breaker[15m]) >= 2", ""),
            ("MediConnectLeftAlone", "min_over_time(mediconnect_outbound_breaker[15m]) > 0", "mediconnect_outbound_breaker > 1"),
            ("MediConnectNobodyLeads", "sum without (instance)", "min without (instance)"),
        ])
    func wrongRules(name: String, right: String, wrong: String) async throws {
        let (before, rest) = try apart(try text(Self.rules), at: "- alert: \(name)\n")
        let (own, after) = try apart(rest, at: "- alert: ", orEnd: true)
        #expect(own.contains(right), "\(own)")
        // Its own figures only, or it takes a minute.
        let tests = try text(Self.tests).components(separatedBy: "  - name: ")
        let figures = [tests[0]] + tests.dropFirst().filter { $0.contains("alertname: \(name)\n") }
        try Data(figures.joined(separator: "  - name: ").utf8).write(
            to: URL(fileURLWithPath: folder.file("mediconnect.tests.yml")))
        for (rule, isRight) in [(own, true), (own.replacing(right, with: wrong), false)] {
            try Data("\(before)- alert: \(name)\n\(rule)\(after)".utf8).write(
                to: URL(fileURLWithPath: folder.file("mediconnect.rules.yml")))
            let tested = try await promtool("test", "rules", folder.file("mediconnect.tests.yml"))
            #expect((tested.status == 0) == isRight, "\(tested.said)")
        }
    }

    private func apart(_ text: String, at mark: String, orEnd: Bool = false) throws -> (String, String) {
        guard let range = text.range(of: mark) else {
            try #require(orEnd, "\(mark)")
            return (text, "")
        }
        return (String(text[..<range.lowerBound]), orEnd ? String(text[range.lowerBound...]) : String(text[range.upperBound...]))
    }
}
