import Notation
import Testing

@Suite struct PersonalTests {
    private struct Patient: Error {
        var name = Personal("Ada Lovelace")
        var phone: Personal<String>? = Personal("+44 20 7946 0000")
        var notes = [Personal("Ada is shy")]
    }

    private enum Event { case renamed(Personal<String>) }

    private static func dumped(_ value: some Any) -> String {
        var text = ""
        dump(value, to: &text)
        return text
    }

    /// Every way a value becomes text by accident.
    static let accidents: [String] = {
        let name = Personal("Ada Lovelace")
        let patient = Patient()
        let values: [any Sendable] = [name, patient, Event.renamed(name), [name], ["note": name]]
        return values.flatMap { [String(describing: $0), String(reflecting: $0), dumped($0), "\($0)"] }
            + ["\(name)", "\(patient)", "\(patient.phone as Any)", name.description, name.debugDescription, "\((name, patient))"]
            + Mirror(reflecting: name).children.map { "\($0.value)" }
    }()

    @Test(arguments: accidents) func `what belongs to a person is not printed by accident`(text: String) {
        #expect(!text.contains("Ada") && !text.contains("7946"))
        #expect(text.contains("‹personal›"))
    }

    @Test func `who needs it writes revealed`() {
        #expect(Personal("Ada").revealed == "Ada" && Personal("Ada") == Personal("Ada") && Personal("Ada") != Personal("Bob"))
    }

    @Test(arguments: [("Ada Lovelace", "A***"), ("ada@example.org", "***"), ("", "***"), ("Élodie", "É***"), ("X", "X***")])
    func `a log shows no more than the first letter`(text: String, masked: String) { #expect(Personal(text).masked == masked) }
}
