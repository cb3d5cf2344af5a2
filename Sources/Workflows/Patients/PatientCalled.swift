import Notation
import People
import Scheduling
import Storage

extension Story {
    /// Whom another system means: a record number of ours, or an identifier. Nil when there is nobody, or several.
    func patient(called name: Personal<String>) throws -> ID<Participant>? {
        if let id = ID<Patient>(name.revealed), try transaction.first(PatientExists(id: id)) != nil { return id.of() }
        let digest = PatientIndexes.digest(of: name, .recordNumber, try keys)
        let page = PatientPage(digest: digest, after: ID(high: 0, low: 0), limit: 2, closed: true, open: true)
        let found = try transaction.fetch(PatientsByRecordNumber(page: page))
        return found.count == 1 ? found[0].kept.id.of() : nil
    }
}
