-- Rows as the first version wrote them, with its first schema: Alice, who was anonymous on one device while known on another, an
-- anonymous visitor with a rejected record and two lost ones, and somebody all of whose records were rejected.
INSERT INTO workspaces VALUES(1,'shop','Shop',2);
INSERT INTO sdk_keys VALUES('pk_shop',1);
INSERT INTO secret_keys VALUES(X'dd917105e46fb9723ab67c63d0814dee3921488b7a6192493ae851abbc58f8fb',1);
INSERT INTO segments VALUES(1,'lookers','Lookers','{"event":"looked","within":"30d"}');
INSERT INTO users VALUES(1,1,NULL,2,'{"first_seen":1795494099938,"last_seen":1795494159937,"standard":{"country":{"value":"DE","stamp":{"origin":"anonymous","at":1795494159937,"seq":2}}},"custom":{"points":{"value":2,"stamp":{"origin":"anonymous","at":1795494159937,"seq":3}}},"events":{"looked":{"count":1,"first":1795494099938,"recent":[1795494099938]}},"purchases":{"count":0,"revenue":{},"products":{}},"sessions":{"starts":{"count":0,"first":null,"last":null},"total_ms":0}}','{"revision":2,"verdicts":{"lookers":{"matches":true,"until":1798086099938}}}',NULL);
INSERT INTO users VALUES(2,1,'alice',NULL,'{"first_seen":1795494099919,"last_seen":1795494159943,"standard":{"country":{"value":"DE","stamp":{"origin":"anonymous","at":1795494159937,"seq":2}}},"custom":{"points":{"value":2,"stamp":{"origin":"anonymous","at":1795494159937,"seq":3}}},"events":{"looked":{"count":2,"first":1795494099920,"recent":[1795494099920,1795494099938]},"signed_in":{"count":1,"first":1795494099919,"recent":[1795494099919]}},"purchases":{"count":1,"revenue":{"EUR":3},"products":{"mug":{"count":1,"first":1795494159919,"last":1795494159919}}},"sessions":{"starts":{"count":0,"first":null,"last":null},"total_ms":0}}','{"revision":2,"verdicts":{"lookers":{"matches":true,"until":1798086099938}}}',1798086099938);
INSERT INTO users VALUES(3,1,NULL,NULL,'{"first_seen":1795494159918,"last_seen":1795494159986,"custom":{"plan":{"value":"free","stamp":{"origin":"anonymous","at":1795494159918,"seq":6}}},"events":{"looked":{"count":1,"first":1795494159918,"recent":[1795494159918]}},"purchases":{"count":0,"revenue":{},"products":{}},"sessions":{"starts":{"count":1,"first":1795494159918,"last":1795494159918},"total_ms":0}}','{"revision":2,"verdicts":{"lookers":{"matches":true,"until":1798086159918}}}',1798086159918);
INSERT INTO users VALUES(4,1,'carol',NULL,'{"first_seen":1795494159990,"last_seen":1795494159990,"purchases":{"count":0,"revenue":{},"products":{}},"sessions":{"starts":{"count":0,"first":null,"last":null},"total_ms":0}}','{"revision":2,"verdicts":{}}',NULL);
INSERT INTO anonymous_ids VALUES(1,X'00000000000040008000000000000201',2);
INSERT INTO anonymous_ids VALUES(1,X'00000000000040008000000000000203',3);
INSERT INTO devices VALUES(1,X'00000000000040008000000000000001',2,1795494159954);
INSERT INTO devices VALUES(1,X'00000000000040008000000000000002',2,1795494159943);
INSERT INTO devices VALUES(1,X'00000000000040008000000000000003',3,1795494159986);
INSERT INTO devices VALUES(1,X'00000000000040008000000000000004',4,1795494159990);
INSERT INTO streams VALUES(1,X'00000000000040008000000000000101',3,1795494159937,1795494159937);
INSERT INTO streams VALUES(1,X'00000000000040008000000000000102',2,1795494159919,1795494159943);
INSERT INTO streams VALUES(1,X'00000000000040008000000000000103',1,1795494099919,1795494159954);
INSERT INTO streams VALUES(1,X'00000000000040008000000000000104',6,1795494159918,1795494159986);
INSERT INTO streams VALUES(1,X'00000000000040008000000000000105',1,-9223372036854775808,1795494159990);
INSERT INTO batches VALUES(1,1,1,X'00000000000040008000000000000001',X'00000000000040008000000000000101',1795494159937,'[{"at":1795494099938,"record":{"seq": 1, "at": 1795494099919, "type": "custom_event", "name": "looked"}},{"at":1795494159937,"record":{"seq": 2, "at": 1795494159918, "type": "attribute", "name": "country", "value": "DE"}},{"at":1795494159937,"record":{"seq": 3, "at": 1795494159918, "type": "custom_attribute", "name": "points", "op": "increment", "by": 2}}]');
INSERT INTO batches VALUES(2,1,2,X'00000000000040008000000000000002',X'00000000000040008000000000000102',1795494159943,'[{"at":1795494099920,"record":{"seq": 1, "at": 1795494099919, "type": "custom_event", "name": "looked"}},{"at":1795494159919,"record":{"seq": 2, "at": 1795494159918, "type": "purchase", "product_id": "mug", "price": 1.5, "currency": "EUR", "quantity": 2}}]');
INSERT INTO batches VALUES(3,1,2,X'00000000000040008000000000000001',X'00000000000040008000000000000103',1795494159954,'[{"at":1795494099919,"record":{"seq": 1, "at": 1795494099919, "type": "custom_event", "name": "signed_in"}}]');
INSERT INTO batches VALUES(4,1,3,X'00000000000040008000000000000003',X'00000000000040008000000000000104',1795494159986,'[{"at":1795494159918,"record":{"seq": 1, "at": 1795494159918, "type": "session_start", "session": "00000000-0000-4000-8000-000000000209"}},{"at":1795494159918,"record":{"seq": 5, "at": 1795494099923, "type": "custom_event", "name": "looked"}},{"at":1795494159918,"record":{"seq": 6, "at": 1795494159918, "type": "custom_attribute", "name": "plan", "op": "set", "value": "free"}}]');
PRAGMA user_version = 1;
