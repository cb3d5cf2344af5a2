public import Notation
public import People

extension Patient {
    public init(_ fields: Fields, id: ID<Patient>, version: Int = 1) {
        let email = fields.optionalText("email", max: RecordField.email.maximum)
        if let flaw = email.flatMap({ RecordField.email.flaw(of: $0) }) { fields.reject("email", flaw) }
        let phone = fields.optionalText("phone", max: RecordField.phone.maximum)
        if let flaw = phone.flatMap({ RecordField.phone.flaw(of: $0) }) { fields.reject("phone", flaw) }
        self.init(
            id: id, name: Personal(fields.text("name", max: RecordField.name.maximum)),
            birthDate: fields.optionalDay("birthDate").map { Personal("\($0)") }, email: email.map { Personal($0) },
            phone: phone.map { Personal($0) },
            recordNumber: fields.optionalText("recordNumber", max: RecordField.recordNumber.maximum).map { Personal($0) },
            version: version)
    }

    public func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("id", id)
            json.member("name", name.revealed)
            json.member("birthDate", birthDate?.revealed)
            json.member("email", email?.revealed)
            json.member("phone", phone?.revealed)
            json.member("recordNumber", recordNumber?.revealed)
        }
    }
}

extension RecordField {
    /// How many characters it may have.
    public var maximum: Int {
        switch self {
        case .name: 128
        case .birthDate: 10
        case .email: 254
        case .phone: 32
        case .recordNumber: 64
        }
    }

    /// What is wrong with a text that is to stand there; nil when nothing is.
    public func flaw(of text: String) -> String? {
        if text.count > maximum { return "must be text of 1 to \(maximum) characters" }
        switch self {
        case .name, .recordNumber: return nil
        case .birthDate: return CalendarDay(text) == nil ? "must be a day that exists, such as 2026-03-01" : nil
        case .email: return !text.contains("@") || text.contains(" ") ? "must be an e-mail address" : nil
        case .phone: return text.allSatisfy { "0123456789+-() /.".contains($0) } ? nil : "must be a telephone number"
        }
    }
}
