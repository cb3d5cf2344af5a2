public import Identity
public import Letters
public import Notation
public import People
import Secrecy

/// A patient's telephone or browser that takes notices.
public struct PatientDevice: Sendable {
    public enum Platform: String, Sendable, CaseIterable { case android, ios, web }

    public let id: ID<PatientDevice>
    public let patient: ID<Patient>
    /// Where it was registered: when that session ends, the device is forgotten. Nil for a token that belongs to none.
    public let session: ID<Session>?
    public let platform: Platform
    /// What its owner calls it.
    public var name: Personal<String>?
    /// What the provider finds it by.
    public var token: Personal<String>
    /// What its notices are written in; nil as the patient's other messages.
    public let language: WrittenLanguage?
    public let createdAt: Instant
    /// When it was last registered: apps do so whenever they start.
    public let seenAt: Instant

    /// Bytes of a registration.
    public static let tokenMaximum = 4_096
    /// A patient has so many; a further one takes the place of whichever was not seen for longest.
    public static let most = 10
}

extension PatientDevice: Sealable {
    static let table = "patient_device"
    static let sealedColumns = ["name", "token"]
    var sealedRow: [UInt8] { id.bytes }

    func exchanging(_ exchange: (_ column: String, _ text: Personal<String>) throws -> Personal<String>) rethrows -> PatientDevice
    {
        var copy = self
        copy.name = try name.map { try exchange("name", $0) }
        copy.token = try exchange("token", token)
        return copy
    }
}

extension FieldKeys {
    /// To the letter.
    func digest(ofRegistration token: Personal<String>) -> [UInt8] {
        indexes.digest(of: token.revealed, table: PatientDevice.table, column: "token")
    }
}

/// A device as it registers itself.
public struct DeviceRegistration: Sendable {
    public let platform: PatientDevice.Platform
    public let token: Personal<String>
    public let name: Personal<String>?
    public let language: WrittenLanguage?

    public init(_ fields: Fields) {
        platform = fields.choice("platform")
        let token = fields.text("token", max: PatientDevice.tokenMaximum)
        if token.unicodeScalars.contains(where: { $0.value <= 32 || $0.value >= 127 }) {
            fields.reject("token", "must be what the provider gave, without spaces")
        }
        self.token = Personal(token)
        name = fields.optionalText("name", max: 64).map { Personal($0) }
        language = fields.optionalChoice("language")
    }
}

extension PatientDevice {
    /// The registration stays inside: whoever has it could be written to in the clinic's name.
    public func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("id", id)
            json.member("patient", patient)
            json.member("platform", platform.rawValue)
            json.member("name", name?.revealed)
            json.member("language", language?.rawValue)
            json.member("registeredAt", createdAt)
            json.member("seenAt", seenAt)
        }
    }
}
