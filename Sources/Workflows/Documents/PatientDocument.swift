public import Notation
public import People

extension Patient {
    public init(_ fields: Fields, id: ID<Patient>, version: Int = 1) {
        let email = fields.optionalText("email", max: 254)
        if let email, !email.contains("@") || email.contains(" ") { fields.reject("email", "must be an e-mail address") }
        let phone = fields.optionalText("phone", max: 32)
        if let phone, !phone.allSatisfy({ "0123456789+-() /.".contains($0) }) {
            fields.reject("phone", "must be a telephone number")
        }
        self.init(
            id: id, name: Personal(fields.text("name", max: 128)), email: email.map { Personal($0) },
            phone: phone.map { Personal($0) }, recordNumber: fields.optionalText("recordNumber", max: 64).map { Personal($0) },
            version: version)
    }

    public func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("id", id)
            json.member("name", name.revealed)
            json.member("email", email?.revealed)
            json.member("phone", phone?.revealed)
            json.member("recordNumber", recordNumber?.revealed)
        }
    }
}
