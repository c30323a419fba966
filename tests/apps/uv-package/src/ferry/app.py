from importlib.resources import files

import falcon

TIMES = {"north": ["08:10", "12:40"], "south": ["09:05"]}


class Index:
    def on_get(self, request, response):
        response.media = {"ferry": "first edition", "quays": sorted(TIMES)}


class Quay:
    def on_get(self, request, response, name):
        if name not in TIMES:
            raise falcon.HTTPNotFound(title="Unknown quay", description=f"No ferry goes {name}.")
        response.media = {"quay": name, "times": TIMES[name]}

    def on_post(self, request, response, name):
        TIMES.setdefault(name, []).append(request.get_media()["time"])
        response.status = falcon.HTTP_CREATED
        response.media = {"quay": name, "times": TIMES[name]}


class Timetable:
    def on_get(self, request, response):
        response.content_type = "text/css; charset=utf-8"
        response.text = files("ferry").joinpath("timetable.css").read_text()


app = falcon.App()
app.add_route("/", Index())
app.add_route("/quays/{name}", Quay())
app.add_route("/timetable.css", Timetable())
