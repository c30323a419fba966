from flask import Flask, jsonify, request

app = Flask(__name__)
votes = {"yes": 0, "no": 0}


@app.route("/", methods=["GET", "POST"])
def poll():
    if request.method == "POST":
        votes[request.form["vote"]] += 1
    return jsonify(poll="first edition", votes=votes)
