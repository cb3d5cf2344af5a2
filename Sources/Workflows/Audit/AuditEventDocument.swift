import Notation
import People
import Scheduling

// A record as FHIR R4's AuditEvent, after IHE's Basic Audit Log Patterns (ITI BALP): type `rest`, who asked and who answered as agents,
// the data, the patients, the query and the request as entities.
extension AuditEntry {
    func writeAuditEvent(to json: inout JSONWriter) {
        json.object { json in
            json.member("resourceType", "AuditEvent")
            json.member("id", id)
            json.name("meta")
            json.object { $0.member("profile", ["\(AuditEventSystem.profiles).\(profile)"]) }
            json.coding("type", AuditEventSystem.type, "rest")
            json.name("subtype")
            json.array { json in json.object { $0.coding(AuditEventSystem.interaction, interaction.code) } }
            json.member("action", interaction.action)
            json.member("recorded", at)
            json.member("outcome", isRefused ? "4" : "0")
            if isRefused { json.member("outcomeDesc", circumstances?.outcome) }
            if let purpose = circumstances?.purpose { json.purpose("purposeOfEvent", purpose) }
            json.name("agent")
            json.array { agents(&$0) }
            json.name("source")
            json.object { json in
                json.name("observer")
                json.object { $0.member("display", "MediConnect") }
                json.name("type")
                json.array { json in json.object { $0.coding(AuditEventSystem.source, "4") } }
            }
            json.name("entity")
            json.array { entities(&$0) }
        }
    }

    private var isRefused: Bool { circumstances.map { $0.outcome != Circumstances.done } ?? false }

    /// What was done, in FHIR's words. Records have verbs of the clinic's own; whatever is no read and makes nothing new changed something.
    private var interaction: (code: String, action: String, name: String) {
        if circumstances?.query != nil { return ("search-type", "E", "Query") }
        if act.hasPrefix("read.") || act.hasPrefix("repeated.") { return ("read", "R", "Read") }
        if act.hasPrefix("refused.") { return ("operation", "E", "Update") }
        return toState != nil && fromState == nil ? ("create", "C", "Create") : ("update", "U", "Update")
    }

    private var profile: String { (circumstances?.patients.isEmpty ?? true ? "" : "Patient") + interaction.name }

    /// The client, the server, and whoever asked.
    private func agents(_ json: inout JSONWriter) {
        json.object { json in
            json.concept("type", AuditEventSystem.dicom, "110153")
            json.identified("who", by)
            json.member("requestor", false)
            if let address = circumstances?.address {
                json.name("network")
                json.object { json in
                    json.member("address", address)
                    json.member("type", "2")
                }
            }
        }
        json.object { json in
            json.concept("type", AuditEventSystem.dicom, "110152")
            json.name("who")
            json.object { $0.member("display", "MediConnect") }
            json.member("requestor", false)
        }
        json.object { json in
            json.concept("type", AuditEventSystem.participation, "IRCP")
            json.identified("who", by)
            json.member("requestor", true)
            if let circumstances {
                if let role = circumstances.role {
                    json.name("role")
                    json.array { json in json.object { $0.member("text", role.rawValue) } }
                }
                json.purpose("purposeOfUse", circumstances.purpose)
            }
        }
    }

    private func entities(_ json: inout JSONWriter) {
        json.entity(type: "2", role: "4") { json in
            if let reference { json.reference("what", reference) } else { json.identified("what", subject.description) }
        }
        for patient in circumstances?.patients ?? [] {
            json.entity(type: "1", role: "1") { $0.reference("what", "Patient/\(patient)") }
        }
        if let query = circumstances?.query {
            json.entity(type: "2", role: "24") { $0.member("query", Base64.text(Array(query.utf8))) }
        }
        json.object { json in
            json.coding("type", AuditEventSystem.balpEntity, "XrequestId")
            json.identified("what", requestID)
        }
    }

    /// What it is about as a resource of FHIR's; nil where it is none of those.
    private var reference: String? {
        if act.hasPrefix("appointment.") || act == "read.appointment" || act == "read.audit" { return "Appointment/\(subject)" }
        if act.hasPrefix("patient.") || act == "read.patient" { return "Patient/\(subject)" }
        return nil
    }
}

private enum AuditEventSystem {
    static let profiles = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit"
    static let type = "http://terminology.hl7.org/CodeSystem/audit-event-type"
    static let interaction = "http://hl7.org/fhir/restful-interaction"
    static let source = "http://terminology.hl7.org/CodeSystem/security-source-type"
    static let dicom = "http://dicom.nema.org/resources/ontology/DCM"
    static let participation = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
    static let purpose = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
    static let entityType = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
    static let objectRole = "http://terminology.hl7.org/CodeSystem/object-role"
    static let balpEntity = "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType"
}

extension JSONWriter {
    fileprivate mutating func coding(_ system: String, _ code: String) {
        member("system", system)
        member("code", code)
    }

    fileprivate mutating func coding(_ name: String, _ system: String, _ code: String) {
        self.name(name)
        object { $0.coding(system, code) }
    }

    fileprivate mutating func concept(_ name: String, _ system: String, _ code: String) {
        self.name(name)
        object { $0.codings(system, code) }
    }

    private mutating func codings(_ system: String, _ code: String) {
        name("coding")
        array { json in json.object { $0.coding(system, code) } }
    }

    fileprivate mutating func purpose(_ name: String, _ purpose: Purpose) {
        self.name(name)
        array { json in json.object { $0.codings(AuditEventSystem.purpose, purpose.rawValue) } }
    }

    fileprivate mutating func identified(_ name: String, _ value: String) {
        self.name(name)
        object { json in
            json.name("identifier")
            json.object { $0.member("value", value) }
        }
    }

    fileprivate mutating func reference(_ name: String, _ reference: String) {
        self.name(name)
        object { $0.member("reference", reference) }
    }

    fileprivate mutating func entity(type: String, role: String, _ body: (inout JSONWriter) -> Void) {
        object { json in
            json.coding("type", AuditEventSystem.entityType, type)
            json.coding("role", AuditEventSystem.objectRole, role)
            body(&json)
        }
    }
}

/// RFC 4648 §4.
enum Base64 {
    private static let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")

    static func text(_ bytes: [UInt8]) -> String {
        var text = ""
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let part = bytes[start..<min(start + 3, bytes.count)]
            let bits = part.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - part.count))
            for place in 0..<4 { text.append(place <= part.count ? digits[bits >> (18 - 6 * place) & 63] : "=") }
        }
        return text
    }
}
