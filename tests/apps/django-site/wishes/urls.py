from django.urls import path

from . import views

app_name = "wishes"

urlpatterns = [
    path("", views.index, name="index"),
    path("wishes/<int:pk>/", views.detail, name="detail"),
]
